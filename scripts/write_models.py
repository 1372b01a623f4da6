"""Write docs/models.md: every family, told from its own specs.

    python scripts/write_models.py           writes the page
    python scripts/write_models.py --check   exits 1 when it is out of date

Run it after a family, a head or a preset was added. Everything on the page follows from the table of
families, from the presets, and from the checkpoints of targets.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from hubformer import AutoConfig
from hubformer.core import BlockAttentionSpec, FeedForward, MixtureOfExperts, ParallelSpec
from hubformer.core.windowed import SlidingAttentionSpec
from hubformer.families import FAMILIES, family
from hubformer.models.family import Family
from hubformer.presets import names
from hubformer.pretrained.config import config_class

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "models.md"
START = """\
# Models

Written by `scripts/write_models.py` from the families themselves. The first table says what a family is built
of, in its first preset, or else with its defaults; other sizes differ in numbers, and some in more. The
second one lists its classes, which are names of `hubformer`.

A preset is a configuration that ships: `AutoModel.from_config("bert-base-uncased")` builds it with fresh
weights. Checkpoints are examples of what loads with `from_pretrained`; `scripts/check_targets.py` downloads
these, and compares what they say with transformers.

| `model_type` | paper | positions | attention | norms | feed-forward |
|---|---|---|---|---|---|
"""
PLACES = {
    "NoPosition": "",
    "Rotary": "rotary",
    "Relative": "a vector per distance",
    "TransformerXL": "sinusoids of the distance",
    "Buckets": "a bias per bucket of distances",
    "Window": "",
    "Blocks": "",
    "Alibi": "a slope per head",
    "Disentangled": "vectors of distances, scored from both sides",
}


def stacks(body: Any) -> Iterator[tuple[str, Any, Any]]:
    """Each stack of a body with its embedding, by what it is called where there are two."""
    if hasattr(body, "decoder"):
        yield "encoder: ", body.encoder.embedding, body.encoder.stack
        yield "decoder: ", body.decoder.embedding, body.decoder.stack
    else:
        yield "", body.embedding, body.stack


def distinct(words: Iterable[str]) -> str:
    """Words without repetition, in their order."""
    return ", ".join(dict.fromkeys(word for word in words if word))


def positions(embedding: Any, stack: Any) -> str:
    added = {"learned": "learned", "unread": ""}.get(embedding.placing, "sinusoids")
    kinds = [type(layer.attention.position).__name__ for layer in stack.layers]
    return distinct([added if embedding.positions else "", *(PLACES[kind] for kind in kinds)]) or "none"


def attention(stack: Any) -> str:
    return distinct(_attended(layer) for layer in stack.layers)


def _attended(layer: Any) -> str:
    spec = layer.attention
    shared = spec.kv_heads or spec.heads
    return " ".join(
        word
        for word in (
            "causal" if spec.causal else "both ways",
            f"in windows of {_tokens_seen(spec)}" if spec.window is not None else "",
            "in a window, marked tokens everywhere" * isinstance(spec, SlidingAttentionSpec),
            "from blocks to few others" * isinstance(spec, BlockAttentionSpec),
            f"({spec.heads} heads)" if shared == spec.heads else f"({spec.heads} heads over {shared})",
            "and to an encoder" if layer.cross_attention else "",
        )
        if word
    )


def _tokens_seen(spec: Any) -> int:
    """How many tokens one sees in its window, itself among them."""
    return int(spec.window + 1 if spec.causal else 2 * spec.window + 1)


def norms(stack: Any) -> str:
    found = []
    for layer in stack.layers:
        spec = layer.norms
        places = [name for name in ("before", "branch", "after") if getattr(spec, name) is not None]
        if not places:  # ModernBERT's first layer, whose input is normed already
            continue
        kinds = {type(getattr(spec, name)).__name__ for name in places}
        called = {"before": "before", "branch": "on the branch", "after": "after"}
        found.append(f"{' and '.join(called[name] for name in places)} ({'/'.join(sorted(kinds))})")
    return distinct(found)


def feed_forward(stack: Any) -> str:
    return distinct(
        _fed(layer.feed_forward) + " beside attention" * isinstance(layer, ParallelSpec)
        for layer in stack.layers
    )


def _fed(spec: Any) -> str:
    if isinstance(spec, FeedForward):
        return f"{'gated ' if spec.gated else ''}{spec.activation}"
    if isinstance(spec, MixtureOfExperts):
        return f"{_fed(spec.expert)}, {spec.chosen} of {spec.experts} experts"
    return type(spec).__name__


def row(found: Family, body: Any) -> str:
    cells = [f"`{found.model_type}`", found.paper]
    parts = list(stacks(body))
    cells += [_both((name, positions(embedding, stack)) for name, embedding, stack in parts)]
    for told in (attention, norms, feed_forward):
        cells += [_both((name, told(stack)) for name, _, stack in parts)]
    return f"| {' | '.join(cells)} |"


def _both(told: Iterable[tuple[str, str]]) -> str:
    pairs = list(told)
    if len({text for _, text in pairs}) == 1:
        return pairs[0][1]
    return "; ".join(name + text for name, text in pairs)


def page() -> str:
    """The content of docs/models.md."""
    targets = json.loads((ROOT / "scripts" / "targets.json").read_text("utf-8"))
    rows, classes = [], []
    shipped = {name: AutoConfig.from_pretrained(name) for name in names()}
    for model_type in sorted(FAMILIES):
        found, kind = family(model_type), config_class(model_type)
        assert kind is not None
        presets = [name for name, config in shipped.items() if config.model_type == model_type]
        config = shipped[presets[0]] if presets else kind()
        rows.append(row(found, found.body(config.freeze())))
        sizes = [f"`{name}`" for name in presets]
        served = [f"`{t['id']}`" for t in targets if t["model_type"] == model_type]
        heads = [f"`{head.name}`" for head in found.heads]
        cells = (f"`{model_type}`", ", ".join(heads), ", ".join(sizes) or "none", ", ".join(served) or "")
        classes.append(f"| {' | '.join(cells)} |")
    table = "| `model_type` | classes | presets | checkpoints |\n|---|---|---|---|\n"
    return START + "\n".join(rows) + "\n\n" + table + "\n".join(classes) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Write docs/models.md.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if it is out of date")
    check = parser.parse_args().check
    text = page()
    if PAGE.is_file() and PAGE.read_text("utf-8") == text:
        return 0
    if check:
        print(f"{PAGE.name} is out of date. Run scripts/write_models.py.", file=sys.stderr)
        return 1
    PAGE.write_text(text, "utf-8")
    print(f"wrote {PAGE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
