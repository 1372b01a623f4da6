"""`python -m hubformer SCRIPT ...`: a program that says `import transformers`, on hubformer, as it stands.

    python -m hubformer run_glue.py --model_name_or_path ...
    python -m hubformer -m package.module ...

Without a script it is the `hubformer` command.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path


def main() -> int:
    given = sys.argv[1:]
    if given[:1] == ["-m"] and len(given) > 1:
        sys.argv = given[1:]
        sys.path[0] = str(Path.cwd())
        _switch()
        runpy.run_module(given[1], run_name="__main__", alter_sys=True)
        return 0
    if given and (given[0].endswith(".py") or Path(given[0]).is_file()):
        sys.argv = given
        if not Path(given[0]).is_file():
            print(f"hubformer: there is no file {given[0]}.", file=sys.stderr)
            return 2
        sys.path[0] = str(Path(given[0]).resolve().parent)
        _switch()
        runpy.run_path(given[0], run_name="__main__")
        return 0
    from hubformer.cli import main as command

    return command()


def _switch() -> None:
    from hubformer.compat.switch import as_transformers

    as_transformers()


if __name__ == "__main__":
    sys.exit(main())
