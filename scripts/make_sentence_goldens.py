"""Write tests/embeddings/goldens: tiny repositories as sentence-transformers saves them, and its vectors.

    python -m venv /tmp/st && /tmp/st/bin/pip install torch==2.13.0 sentence-transformers==6.2.0
    /tmp/st/bin/python scripts/make_sentence_goldens.py

`base` holds the one model with its tokenizer. Each other folder holds what its case adds or replaces, and
expected.json: the texts, the arguments of encode, and the vectors that sentence-transformers gives.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.models import Dense, Normalize, Pooling, Transformer
from transformers import BertConfig, BertModel, BertTokenizerFast

GOLDENS = Path(__file__).parent.parent / "tests" / "sentences" / "goldens"
WIDTH = 16
_WORDS = "a the cat dog sits sleeps on mat lake we swim in warm rain Paris query : , . ! and it is"
WORDS = _WORDS.split()
TEXTS = [
    "A cat sits on the mat.",
    "the dog sleeps",
    "We swim in the lake, and it is warm! " * 2,
    "Paris is in the warm rain.",
]
Modules = list[torch.nn.Module]


def write_base(folder: Path) -> None:
    torch.manual_seed(0)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    config = BertConfig(
        vocab_size=len(special) + len(WORDS), hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=24, max_position_embeddings=40,
    )  # fmt: skip
    model = BertModel(config, add_pooling_layer=False)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    model.save_pretrained(folder)
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join([*special, *WORDS]) + "\n", "utf-8")
    tokenizer = BertTokenizerFast(vocab=str(vocabulary), do_lower_case=False, model_max_length=40)
    tokenizer.save_pretrained(folder)


def cases() -> dict[str, tuple[Modules, dict[str, Any], list[dict[str, Any]]]]:
    """Name -> modules after the model, settings of the repository, calls of encode."""
    torch.manual_seed(1)
    prompts = {"query": "query : ", "title": "the Paris "}
    told = [{}, {"prompt_name": "query"}, {"prompt": "a warm "}]
    pooled = lambda *modes, **named: Pooling(WIDTH, list(modes), **named)  # noqa: E731
    dense = lambda out, **named: Dense(WIDTH, out, **named)  # noqa: E731
    return {
        "mean": ([pooled("mean"), Normalize()], {}, [{}]),
        "cls": ([pooled("cls")], {}, [{}, {"normalize_embeddings": True}]),
        "last": ([pooled("lasttoken")], {}, [{}]),
        "several": (
            [pooled("max", "mean", "cls", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")], {}, [{}],
        ),
        "dense": ([pooled("mean"), dense(6), Normalize()], {}, [{}]),
        "dense-plain": (
            [pooled("max"), dense(6, bias=False, activation_function=torch.nn.Identity())], {}, [{}],
        ),
        "residual": (
            [
                pooled("mean"),
                dense(WIDTH, activation_function=torch.nn.GELU(), use_residual=True),
                dense(5, activation_function=torch.nn.ReLU(), use_residual=True),
            ],
            {},
            [{}],
        ),
        "prompts": ([pooled("mean")], {"prompts": prompts, "default_prompt_name": "title"}, told),
        "without-prompt": (
            [pooled("cls", "mean", "weightedmean", include_prompt=False)], {"prompts": prompts}, told,
        ),
        "cut": ([pooled("mean")], {"max_seq_length": 7, "similarity_fn_name": "euclidean"}, [{}]),
    }  # fmt: skip


def write_case(name: str, base: Path, case: tuple[Modules, dict[str, Any], list[dict[str, Any]]]) -> None:
    modules, settings, calls = case
    length = settings.pop("max_seq_length", None)
    transformer = Transformer(str(base), max_seq_length=length)
    model = SentenceTransformer(modules=[transformer, *modules], device="cpu", **settings)
    folder = GOLDENS / name
    model.save(str(folder), create_model_card=False)
    if length is not None:
        (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": length}) + "\n")
    _write_expected(folder, calls)
    for path in base.iterdir():
        (folder / path.name).unlink(missing_ok=True)


def write_older(base: Path) -> None:
    """The layout of the library's first releases: the model in a folder, a true or false for each mode."""
    folder = GOLDENS / "older"
    inner, pooling = folder / "0_Transformer", folder / "1_Pooling"
    shutil.copytree(base, inner)
    pooling.mkdir()
    kinds = {"0_Transformer": "Transformer", "1_Pooling": "Pooling"}
    modules = [
        {"idx": place, "name": str(place), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for place, (path, kind) in enumerate(kinds.items())
    ]
    modes = {
        "pooling_mode_cls_token": False,
        "pooling_mode_mean_tokens": True,
        "pooling_mode_max_tokens": True,
    }
    (folder / "modules.json").write_text(json.dumps(modules, indent=1) + "\n")
    (pooling / "config.json").write_text(json.dumps({"word_embedding_dimension": WIDTH, **modes}) + "\n")
    lengths = {"max_seq_length": 9, "do_lower_case": True}
    (inner / "sentence_bert_config.json").write_text(json.dumps(lengths) + "\n")
    _write_expected(folder, [{}])
    for path in base.iterdir():
        (inner / path.name).unlink()


def _write_expected(folder: Path, calls: list[dict[str, Any]]) -> None:
    model = SentenceTransformer(str(folder), device="cpu")
    found = [{"arguments": call, "vectors": model.encode(TEXTS, **call).tolist()} for call in calls]
    vectors = model.encode(TEXTS)
    content = {"texts": TEXTS, "calls": found, "similarity": model.similarity(vectors, vectors).tolist()}
    (folder / "expected.json").write_text(json.dumps(content) + "\n", "utf-8")


def main() -> None:
    shutil.rmtree(GOLDENS, ignore_errors=True)
    with TemporaryDirectory() as scratch:
        base = Path(scratch) / "base"
        write_base(base)
        for name, case in cases().items():
            write_case(name, base, case)
        write_older(base)
        shutil.copytree(base, GOLDENS / "base")


if __name__ == "__main__":
    main()
