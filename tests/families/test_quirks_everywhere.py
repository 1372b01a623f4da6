"""The quirks that every family's published files may have, on a twin of each family.

What our files hold, and that they are the oracle's, is shown by the fidelity tests; here they are edited, and
read again with every parameter as it was.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import hubformer
from cases import HEAD_CONFIG, TINY
from hubformer.errors import CheckpointError
from hubformer.families import family
from hubformer.models.family import Head
from twins import edit, edit_config, weights

_WANTED = ("sequence-classification", "causal-lm", "seq2seq-lm", "masked-lm", "token-classification")
# Buffers that published files of the family hold, and which carry nothing.
POSITIONS = ("{}embeddings.position_ids",)
STALE: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("albert", "bert", "camembert", "deberta", "deberta-v2", "distilbert"), POSITIONS),
    **dict.fromkeys(("electra", "longformer", "mpnet", "roberta", "xlm-roberta"), POSITIONS),
    "bart": ("model.encoder.version", "model.decoder.version"),
    "falcon": ("transformer.h.0.self_attention.rotary.inv_freq",),
    "gpt2": ("transformer.h.0.attn.bias", "transformer.h.0.attn.masked_bias"),
    "gpt_bigcode": ("transformer.h.0.attn.bias", "transformer.bias"),
    "gpt_neo": ("transformer.h.0.attn.attention.bias", "transformer.h.0.attn.attention.masked_bias"),
    "gpt_neox": (
        "gpt_neox.layers.0.attention.bias",
        "gpt_neox.layers.0.attention.masked_bias",
        "gpt_neox.layers.0.attention.rotary_emb.inv_freq",
    ),
    "gptj": ("transformer.h.0.attn.bias", "transformer.h.0.attn.masked_bias"),
    "llama": ("model.layers.0.self_attn.rotary_emb.inv_freq",),
    "m2m_100": ("model.encoder.embed_positions.weights", "model.decoder.embed_positions.weights"),
    "marian": ("model.encoder.embed_positions.weight", "model.decoder.embed_positions.weight"),
    "mistral": ("model.layers.0.self_attn.rotary_emb.inv_freq",),
    "openai-gpt": ("transformer.h.0.attn.bias", "transformer.position_ids"),
    "pegasus": ("model.encoder.embed_positions.weight", "model.decoder.embed_positions.weight"),
    "phi": ("model.layers.0.self_attn.rotary_emb.inv_freq",),
}  # fmt: skip


def head_of(model_type: str) -> Head:
    """A class with a head over the family's own body."""
    heads = [h for h in family(model_type).heads if h.body is None and h.prefix is None and not h.bare]
    for task in _WANTED:
        for head in heads:
            if task in head.tasks:
                return head
    raise AssertionError(model_type)


HEADED = {model_type: head_of(model_type) for model_type in sorted(TINY)}
BASED = [name for name in HEADED if family(name).head("base") is not None]
PREFIXED = [name for name in BASED if family(name).prefix]
TIED = [
    pytest.param(model_type, head, id=head.name)
    for model_type in sorted(TINY)
    for head in family(model_type).heads
    if head.body is None
]


def write(model_type: str, head: Head, folder: Path, **changes: Any) -> Any:
    """A shaken model of ours, saved."""
    settings = {**TINY[model_type], **HEAD_CONFIG.get(head.name, {}), **changes}
    torch.manual_seed(zlib.crc32(head.name.encode()))
    model = getattr(hubformer, head.name)(hubformer.AutoConfig.for_model(model_type, **settings))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    model.save_pretrained(folder)
    return model


def load(head: Head, folder: Path, **options: Any) -> Any:
    return getattr(hubformer, head.name).from_pretrained(folder, **options)


def values(model: Any, *, pooler: bool) -> dict[str, Tensor]:
    named = model.named_parameters()
    return {name: p.detach() for name, p in named if pooler or not name.startswith("pooler.")}


def assert_same(found: Any, expected: Any, *, pooler: bool = True) -> None:
    ours, theirs = values(found, pooler=pooler), values(expected, pooler=pooler)
    assert ours.keys() == theirs.keys()
    assert ours
    for name, value in ours.items():
        assert torch.equal(value, theirs[name]), name


@pytest.mark.parametrize("model_type", PREFIXED)
def test_prefix_present_or_absent(model_type: str, tmp_path: Path) -> None:
    """A body from files with a head, both from files without the prefix, a head on the files of a body."""
    head, base, prefix = HEADED[model_type], family(model_type).head("base"), f"{family(model_type).prefix}."
    assert base is not None
    whole = write(model_type, head, tmp_path)
    assert any(name.startswith(prefix) for name in weights(tmp_path))
    assert_same(load(base, tmp_path), whole.base_model, pooler=False)
    edit(tmp_path, lambda tensors: {n.removeprefix(prefix): t for n, t in tensors.items()})
    assert_same(load(head, tmp_path), whole)
    assert_same(load(base, tmp_path), whole.base_model, pooler=False)
    body = write(model_type, base, tmp_path)
    for prefixed in (False, True):
        if prefixed:
            edit(tmp_path, lambda tensors: {prefix + n.removeprefix(prefix): t for n, t in tensors.items()})
        assert_same(load(head, tmp_path, new_head=True).base_model, body, pooler=False)
        assert_same(load(base, tmp_path), body)


@pytest.mark.parametrize(("model_type", "head"), TIED)
def test_tied_weights_from_either_side(model_type: str, head: Head, tmp_path: Path) -> None:
    """Files hold the owner, both, or the alias alone."""
    known = family(model_type)
    model = write(model_type, head, tmp_path)
    tied = known.weights(head, model.config.freeze()).tied
    stored = weights(tmp_path)
    pairs = [(alias, owner) for alias, owner in tied if owner in stored and alias not in stored]
    if not pairs:
        return
    copies = {alias: stored[owner].clone() for alias, owner in pairs}
    edit(tmp_path, lambda tensors: {**tensors, **copies})
    assert_same(load(head, tmp_path), model)
    owners = {owner for _, owner in pairs}
    edit(tmp_path, lambda tensors: {n: t for n, t in tensors.items() if n not in owners})
    assert_same(load(head, tmp_path), model)


def test_aliases_were_tried() -> None:
    """Nearly every family ties something."""
    tying = [name for name in TINY if family(name).tied]
    assert len(tying) > 0.7 * len(TINY)


@pytest.mark.parametrize("model_type", sorted(STALE))
def test_stale_buffers(model_type: str, tmp_path: Path) -> None:
    head = HEADED[model_type]
    model = write(model_type, head, tmp_path)
    prefix = f"{family(model_type).prefix}."
    names = [name.format(prefix) for name in STALE[model_type]]
    edit(tmp_path, lambda tensors: {**tensors, **{name: torch.ones(3) for name in names}})
    found, report = load(head, tmp_path, output_loading_info=True)
    assert_same(found, model)
    assert not any(report.values()), report
    other = names[0].replace("0.", "7.") if "0." in names[0] else f"{prefix}something.else"
    edit(tmp_path, lambda tensors: {**tensors, f"{other}.weight": torch.ones(3)})
    with pytest.raises(CheckpointError, match="unknown inside the backbone"):
        load(head, tmp_path)


@pytest.mark.parametrize("model_type", sorted(TINY))
def test_the_model_type_is_missing(model_type: str, tmp_path: Path) -> None:
    head = HEADED[model_type]
    model = write(model_type, head, tmp_path)
    edit_config(tmp_path, without=("model_type",))
    task = next(task for task in head.tasks if task in _WANTED)
    kind = {
        "sequence-classification": "AutoModelForSequenceClassification",
        "causal-lm": "AutoModelForCausalLM",
        "seq2seq-lm": "AutoModelForSeq2SeqLM",
        "masked-lm": "AutoModelForMaskedLM",
        "token-classification": "AutoModelForTokenClassification",
    }[task]
    found = getattr(hubformer, kind).from_pretrained(tmp_path)
    assert type(found) is type(model)
    assert_same(found, model)


@pytest.mark.parametrize("model_type", sorted(TINY))
def test_keys_of_other_times(model_type: str, tmp_path: Path) -> None:
    """Keys that carry nothing, in every published configuration of some year."""
    head = HEADED[model_type]
    model = write(model_type, head, tmp_path)
    dead = {
        "gradient_checkpointing": False, "torchscript": False, "pruned_heads": {}, "finetuning_task": None,
        "output_past": True, "directionality": "bidi", "task_specific_params": None, "use_cache": True,
        "quantization_config": None, "transformers_version": "4.2.0.dev0", "tf_legacy_loss": False,
    }  # fmt: skip
    edit_config(tmp_path, **dead)
    assert_same(load(head, tmp_path), model)
    said = json.loads((tmp_path / "config.json").read_text())
    assert said["directionality"] == "bidi"
