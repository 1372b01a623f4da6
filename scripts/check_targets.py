"""Whether the checkpoints that people download load here and say what transformers says. Needs a network.

    python scripts/check_targets.py                    every checkpoint of targets.json
    python scripts/check_targets.py gpt2 albert        those with one of these words in their name
    python scripts/check_targets.py --alone            without transformers beside it

Each checkpoint is downloaded (about 60 GB for all), loaded, and read with two sentences. The report says what
files it has, whether the ids and the states equal those of transformers, and else what went wrong. It goes on
after an error, and its exit status is the number of checkpoints that are not right.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from hubformer import AutoTokenizer
from hubformer.errors import HubformerError
from hubformer.pretrained import auto as auto_models
from hubformer.pretrained.config import load_config
from hubformer.pretrained.source import Source

TARGETS = Path(__file__).with_name("targets.json")
TEXTS = ["The river was wide, and nobody had a boat.", "Zwei Äpfel kosten 3,50 €; 三 are too many!"]
LARGEST = 1e-4  # distance of float32 states, relative to the larger of 1 and the value
KINDS = {
    "S": "model.safetensors",
    "B": "pytorch_model.bin",
    "J": "tokenizer.json",
    "V": "vocab.txt",
    "M": "merges.txt",
    "P": (".model", ".spm"),
}
Answer = tuple[dict[str, Any], torch.Tensor]  # the ids by name, and the first of the outputs


def auto_class(task: str) -> str:
    """The name of the Auto class of a task."""
    kinds = (getattr(auto_models, name) for name in dir(auto_models) if name.startswith("AutoModel"))
    return next(kind.__name__ for kind in kinds if kind.task == task)


def files_of(names: Sequence[str]) -> str:
    """The letters of KINDS for the files that are there: weights (also in shards), and the tokenizer's."""
    heads = {name.replace(".index.json", "") for name in names}
    return "".join(
        letter
        for letter, kind in KINDS.items()
        if (kind in heads if isinstance(kind, str) else _ends(heads, kind))
    )


def _ends(names: set[str], ends: tuple[str, ...]) -> bool:
    return any(name.endswith(ends) for name in names)


def read(tokenizer: Any, model: Any) -> Answer:
    """What a tokenizer and a model make of the sentences."""
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    batch = tokenizer(TEXTS, padding=True, return_tensors="pt")
    given = dict(batch)
    if model.config.is_encoder_decoder:
        given["decoder_input_ids"] = batch["input_ids"][:, :3]
    with torch.no_grad():
        out = model.eval()(**given)
    first = next(value for name, value in out.items() if name != "loss" and isinstance(value, torch.Tensor))
    return {name: value.tolist() for name, value in batch.items()}, first.float()


def ours(source: Source, task: str) -> Answer:
    model = getattr(auto_models, auto_class(task)).from_pretrained(source, dtype="float32")
    model.check_trained(call=task)
    return read(AutoTokenizer.from_pretrained(source.name), model)


def theirs(name: str, task: str) -> Answer:
    import transformers

    model = getattr(transformers, auto_class(task)).from_pretrained(name, dtype=torch.float32)
    return read(transformers.AutoTokenizer.from_pretrained(name), model)


def compared(mine: Answer, other: Answer, *, mask: Sequence[Sequence[int]] | None) -> str:
    """In words what differs, or "equal"."""
    ids, states = mine
    if ids["input_ids"] != other[0]["input_ids"]:
        return "other ids"
    if states.shape != other[1].shape:
        return f"other shape: {list(states.shape)}, transformers {list(other[1].shape)}"
    gap = (states - other[1]).abs() / other[1].abs().clamp(min=1)
    if mask is not None and gap.dim() == 3 and gap.shape[:2] == torch.Size([len(mask), len(mask[0])]):
        gap = gap * torch.tensor(mask)[:, :, None]
    return "equal" if float(gap.max()) <= LARGEST else f"other states, by {float(gap.max()):.1e}"


def check(target: Mapping[str, str], *, alone: bool) -> dict[str, str]:
    """One row of the report."""
    name, task, started = target["id"], target["task"], time.perf_counter()
    row = {"checkpoint": name, "model_type": "", "files": "", "result": ""}
    try:
        source = Source.of(name)
        row["files"] = files_of(sorted(source.repo.names()))
        row["model_type"] = load_config(source).model_type
        mine = ours(source, task)
        row["result"] = "reads" if bool(torch.isfinite(mine[1]).all()) else "states that are no numbers"
        if not alone and row["result"] == "reads":
            row["result"] = _against(mine, name, task)
    except HubformerError as error:
        row["result"] = f"{type(error).__name__}: {str(error).splitlines()[0]}"
    row["seconds"] = f"{time.perf_counter() - started:.0f}"
    return row


def _against(mine: Answer, name: str, task: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            other = theirs(name, task)
        except Exception as error:  # whatever keeps transformers from reading it is told, and is not ours
            return f"reads; transformers does not: {type(error).__name__}"
    return compared(mine, other, mask=mine[0].get("attention_mask"))


def chosen(words: Sequence[str]) -> Iterator[dict[str, str]]:
    for target in json.loads(TARGETS.read_text("utf-8")):
        if not words or any(word.lower() in target["id"].lower() for word in words):
            yield target


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Load the checkpoints that people download.")
    parser.add_argument("words", nargs="*", metavar="WORD", help="only checkpoints with it in their name")
    parser.add_argument("--alone", action="store_true", help="do not compare with transformers")
    said = parser.parse_args(arguments)
    wrong = 0
    for number, target in enumerate(chosen(said.words)):
        row = check(target, alone=said.alone)
        if not number:
            print(f"| {' | '.join(row)} |\n|{'---|' * len(row)}")
        print(f"| {' | '.join(row.values())} |", flush=True)
        wrong += not row["result"].startswith(("equal", "reads"))
    return min(wrong, 100)


if __name__ == "__main__":
    sys.exit(main())
