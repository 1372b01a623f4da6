"""Print the lowest version of each runtime dependency that pyproject.toml allows, for pip: `make lowest`."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def lowest(pyproject: str) -> list[str]:
    """`name>=1.2` in the project's dependencies becomes `name==1.2`.

    Raises:
        ValueError: a dependency without a lowest version.
    """
    block = re.search(r"^dependencies = \[\n(.*?)^\]", pyproject, flags=re.MULTILINE | re.DOTALL)
    if block is None:
        raise ValueError("pyproject.toml has no list of dependencies; expected `dependencies = [` on a line.")
    found = []
    for line in re.findall(r'^\s*"([^"]+)"', block[1], flags=re.MULTILINE):
        match = re.fullmatch(r"([\w.-]+)>=([\w.]+)", line)
        if match is None:
            raise ValueError(f"The dependency {line!r} has no lowest version; expected name>=version.")
        found.append(f"{match[1]}=={match[2]}")
    return found


if __name__ == "__main__":
    print(*lowest((ROOT / "pyproject.toml").read_text()))
