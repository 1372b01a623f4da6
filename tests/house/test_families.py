"""A family builds on the kit; it imports another only where it is that architecture with other values."""

from __future__ import annotations

import ast
from pathlib import Path

import hubformer

FAMILIES = Path(hubformer.__file__).parent / "families"

# (family, the family that it is with other values) -> what differs
SAME_ARCHITECTURE = {
    ("albert", "bert"): "one layer repeated, narrower token vectors",
    ("big_bird", "bert"): "attention in blocks",
    ("deberta_v2", "deberta"): "other projections of positions",
    ("electra", "bert"): "narrower token vectors, other heads",
    ("gpt_bigcode", "gpt2"): "one head of keys and values",
    ("granite", "llama"): "four factors",
    ("jina_bert", "bert"): "ALiBi in the place of a table of positions",
    ("led", "bart"): "the encoder attends within a window",
    ("longformer", "roberta"): "attention within a window",
    ("mbart", "bart"): "norms before the sublayers, other positions",
    ("mixtral", "mistral"): "experts in the place of the feed-forward",
    ("mpnet", "roberta"): "a bias for distances beside the table of positions",
    ("nomic_bert", "gte"): "other gates and factors",
    ("openai_gpt", "gpt2"): "norms after the sublayers",
    ("qwen3_moe", "mixtral"): "other names of the experts",
    ("qwen3_moe", "qwen"): "experts in the place of the feed-forward",
    ("roberta", "bert"): "positions count from the padding token's id",
}


def imported(path: Path) -> set[str]:
    """The modules of families that a file imports, by their names below hubformer.families."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            full = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            full = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        found |= {name.split(".")[2] for name in full if name.startswith("hubformer.families.")}
    return found


def test_a_family_imports_another_only_where_it_is_the_same_architecture() -> None:
    names = {path.stem for path in FAMILIES.glob("*.py") if path.stem != "__init__"}
    pairs = {(name, other) for name in names for other in imported(FAMILIES / f"{name}.py") & names}
    unknown = sorted(pairs - set(SAME_ARCHITECTURE))
    assert not unknown, (
        f"{unknown}: a family imports another, expected only those of SAME_ARCHITECTURE. Move what both "
        "share to families/kit, or list the pair with what differs."
    )
    assert set(SAME_ARCHITECTURE) <= pairs, f"no longer imported: {sorted(set(SAME_ARCHITECTURE) - pairs)}"


def test_the_kit_imports_no_family() -> None:
    wrong = {
        f"{path.name} imports {name}"
        for path in (FAMILIES / "kit").glob("*.py")
        for name in imported(path) - {"kit"}
    }
    assert not wrong, "\n".join(sorted(wrong))
