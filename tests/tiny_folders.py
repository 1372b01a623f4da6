"""Tiny checkpoint folders with tokenizers, made without any reference: for the command line and the install.

python tests/tiny_folders.py FOLDER        writes FOLDER/labels, FOLDER/answers and FOLDER/writer
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

import hubformer

_TEXT = "i love this movie what is the capital of france paris dull a fine film and who came to marta"
WORDS = _TEXT.split()
_SMALL = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 32,
}


def write_labels(folder: Path) -> Path:
    """A sentiment model of 2 layers."""
    config = hubformer.BertConfig(**_SMALL, vocab_size=100, id2label={0: "NEGATIVE", 1: "POSITIVE"})
    return _written(folder, hubformer.BertForSequenceClassification(config))


def write_answers(folder: Path) -> Path:
    """A question-answering model of 2 layers."""
    return _written(
        folder, hubformer.BertForQuestionAnswering(hubformer.BertConfig(**_SMALL, vocab_size=100))
    )


def write_writer(folder: Path) -> Path:
    """A GPT-2 of 2 layers whose tokens are bytes."""
    config = hubformer.GPT2Config(
        vocab_size=257, n_embd=16, n_layer=2, n_head=2, n_positions=64, bos_token_id=256, eos_token_id=256
    )
    return _written(folder, hubformer.GPT2LMHeadModel(config))


def _written(folder: Path, model: hubformer.PreTrainedModel) -> Path:
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.3)
    model.save_pretrained(folder)
    if isinstance(model, hubformer.GPT2PreTrainedModel):
        _write_bytes(folder)
    else:
        special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        pieces = [*special, *WORDS, *"abcdefghijklmnopqrstuvwxyz.,!?-", *(f"##{c}" for c in "etaoinsrhld")]
        (folder / "vocab.txt").write_text("\n".join(dict.fromkeys(pieces)) + "\n", "utf-8")
        _write_json(
            folder / "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "do_lower_case": True}
        )
    return folder


def _write_bytes(folder: Path) -> None:
    """Byte-level BPE without merges: printable bytes stand for themselves, the others come after them."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    names = [chr(byte) for byte in shown] + [chr(256 + place) for place in range(len(hidden))]
    _write_json(folder / "vocab.json", {name: i for i, name in enumerate([*names, "<|endoftext|>"])})
    (folder / "merges.txt").write_text("#version: 0.2\n", "utf-8")
    _write_json(folder / "tokenizer_config.json", {"tokenizer_class": "GPT2Tokenizer"})


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value), "utf-8")


if __name__ == "__main__":
    for name, write in (("labels", write_labels), ("answers", write_answers), ("writer", write_writer)):
        print(write(Path(sys.argv[1]) / name))
