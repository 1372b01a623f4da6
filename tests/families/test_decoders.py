"""What every decoder of `decoders.py` does with its cache, and quirks of the published files of some."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import hubformer
from cases import VOCAB
from decoders import SMALL, TINY
from hubformer.errors import ConfigError
from hubformer.families import family
from test_fidelity import EXACT, distance, shaken
from uncast import in_float64

transformers = pytest.importorskip("transformers")

NEW = 9


def checkpoint(folder: Path, name: str, config: dict[str, Any]) -> tuple[Any, Any]:
    """(oracle, ours) in float64 from one shaken checkpoint."""
    torch.manual_seed(6)
    kind = getattr(transformers, name)
    oracle = shaken(kind(kind.config_class(**deepcopy(config), attn_implementation="eager")))
    oracle.save_pretrained(folder)
    ours = getattr(hubformer, name).from_pretrained(folder, dtype="float64")
    return in_float64(oracle).eval(), ours


def ids(rows: int, length: int, *, seed: int = 1) -> torch.Tensor:
    return torch.randint(6, VOCAB, (rows, length), generator=torch.Generator().manual_seed(seed))


def writer(model_type: str) -> str:
    head = family(model_type).head("causal-lm")
    assert head is not None
    return head.name


@pytest.mark.parametrize("model_type", TINY)
def test_generation(model_type: str, tmp_path: Path) -> None:
    """The oracle's ids, with padding on the left too; its rows are run alone, which places them rightly."""
    oracle, ours = checkpoint(tmp_path, writer(model_type), TINY[model_type])
    tokens, mask = ids(2, 7), torch.ones(2, 7, dtype=torch.long)
    tokens[1, :3], mask[1, :3] = 1, 0
    how = {"max_new_tokens": NEW, "eos_token_id": None, "do_sample": False}
    mine = ours.generate(tokens, attention_mask=mask, **how)
    for row, start in enumerate((0, 3)):
        alone = tokens[row : row + 1, start:]
        theirs = oracle.generate(alone, attention_mask=torch.ones_like(alone), **how)
        assert torch.equal(mine[row : row + 1, start:], theirs), row
    assert torch.equal(mine, ours.generate(tokens, attention_mask=mask, use_cache=False, **how))


@pytest.mark.parametrize("model_type", TINY)
def test_defaults_are_those_of_transformers(model_type: str) -> None:
    """5.23 keeps the places of rotary models in one object; the other fields are called as in 4.57."""
    kind = type(hubformer.AutoConfig.for_model(model_type))
    ours, theirs = kind(), getattr(transformers, kind.__name__)()
    places = ("rope_theta", "rope_scaling", "partial_rotary_factor", "rotary_pct", "rotary_emb_base")
    # Of 5.23 alone: lists written out, sizes that follow from others.
    filled = ("layer_types", "classifier_dropout", "hidden_dropout", "head_dim")
    for name in kind.fields:
        if name not in (*places, *filled) and hasattr(theirs, name):
            assert getattr(ours, name) == getattr(theirs, name), name


# Places


def test_gemma_3_places_near_and_far_by_different_waves(tmp_path: Path) -> None:
    far, near = {"rope_type": "linear", "factor": 8.0, "rope_theta": 700.0}, {"rope_theta": 30.0}
    new = hubformer.Gemma3TextConfig(
        **TINY["gemma3_text"], rope_parameters={"full_attention": far, "sliding_attention": near}
    )
    old = hubformer.Gemma3TextConfig(
        **TINY["gemma3_text"],
        rope_theta=700.0,
        rope_scaling={"rope_type": "linear", "factor": 8.0},
        rope_local_base_freq=30.0,
    )
    assert new == old
    new.save_pretrained(tmp_path)
    read = transformers.Gemma3TextConfig.from_pretrained(tmp_path).rope_parameters
    assert read["full_attention"] == far
    assert read["sliding_attention"]["rope_theta"] == 30.0
    with pytest.raises(ConfigError, match="expected no scaling there"):
        hubformer.Gemma3TextConfig(rope_parameters={"sliding_attention": {"rope_type": "yarn"}})


@pytest.mark.parametrize("name", ["su", "yarn", "longrope"])
def test_phi_3_calls_longrope_by_three_names(name: str, tmp_path: Path) -> None:
    waves = {"short_factor": [1.0, 1.1, 1.3, 1.7], "long_factor": [1.5, 2.5, 4.0, 8.0]}
    changes = {"original_max_position_embeddings": 8, "max_position_embeddings": 32}
    said = {"type": "longrope", "rope_type": "longrope", **waves}
    oracle, _ = checkpoint(tmp_path, "Phi3ForCausalLM", {**SMALL, **changes, "rope_scaling": said})
    older = {"type": name, **waves}  # which 4.57.6 reads, and 5.23 no more
    ours = hubformer.Phi3ForCausalLM.from_pretrained(tmp_path, dtype="float64", rope_scaling=older)
    assert ours.config.rope_scaling["rope_type"] == "longrope"
    for length in (6, 19):
        with torch.no_grad():
            assert distance(ours(ids(2, length)).logits, oracle(ids(2, length)).logits) <= EXACT


@pytest.mark.parametrize("model_type", ["opt", "gpt_neo", "gptj", "gpt_neox", "smollm3"])
def test_places_may_be_told(model_type: str, tmp_path: Path) -> None:
    oracle, ours = checkpoint(tmp_path, writer(model_type), TINY[model_type])
    tokens, places = ids(2, 6), torch.tensor([[3, 4, 5, 6, 9, 11]])
    with torch.no_grad():
        theirs = oracle(tokens, position_ids=places).logits
        assert distance(ours(tokens, position_ids=places).logits, theirs) <= EXACT
        assert distance(ours(tokens).logits, theirs) > 1e-3


# Files


@pytest.mark.parametrize(
    ("model_type", "buffers"),
    [
        ("gpt_neo", ["transformer.h.{}.attn.attention.bias", "transformer.h.{}.attn.attention.masked_bias"]),
        ("gptj", ["transformer.h.{}.attn.bias", "transformer.h.{}.attn.masked_bias"]),
        (
            "gpt_neox",
            [
                "gpt_neox.layers.{}.attention.bias",
                "gpt_neox.layers.{}.attention.masked_bias",
                "gpt_neox.layers.{}.attention.rotary_emb.inv_freq",
            ],
        ),
        ("llama", ["model.layers.{}.self_attn.rotary_emb.inv_freq"]),
    ],
)
def test_old_files_carry_buffers(model_type: str, buffers: list[str], tmp_path: Path) -> None:
    oracle, _ = checkpoint(tmp_path, writer(model_type), TINY[model_type])
    path = tmp_path / "model.safetensors"
    tensors = load_file(path)
    for name in buffers:
        tensors.update({name.format(layer): torch.ones(2, 2) for layer in range(2)})
    save_file(tensors, tmp_path / "new.safetensors", {"format": "pt"})
    (tmp_path / "new.safetensors").replace(path)
    ours = hubformer.AutoModelForCausalLM.from_pretrained(tmp_path, dtype="float64")
    with torch.no_grad():
        assert distance(ours(ids(2, 6)).logits, oracle(ids(2, 6)).logits) <= EXACT


def test_gpt_neox_names_its_output_in_two_ways(tmp_path: Path) -> None:
    _, ours = checkpoint(tmp_path, "GPTNeoXForCausalLM", TINY["gpt_neox"])
    path = tmp_path / "model.safetensors"
    tensors = load_file(path)
    written = [name for name in tensors if name in ("embed_out.weight", "lm_head.weight")]
    output = tensors.pop(written[0])
    for name in ("embed_out.weight", "lm_head.weight"):
        save_file({**tensors, name: output}, tmp_path / "new.safetensors", {"format": "pt"})
        (tmp_path / "new.safetensors").replace(path)
        again = hubformer.AutoModelForCausalLM.from_pretrained(tmp_path, dtype="float64")
        assert torch.equal(again.computation.head.output.weight, ours.computation.head.output.weight)


def test_large_stablelm_has_norms_without_bias(tmp_path: Path) -> None:
    oracle, _ = checkpoint(tmp_path, "StableLmForCausalLM", TINY["stablelm"])
    with torch.no_grad():
        for name, parameter in oracle.named_parameters():
            if name.endswith("norm.bias"):
                parameter.zero_()
    path = tmp_path / "model.safetensors"
    kept = {name: tensor for name, tensor in load_file(path).items() if not name.endswith("norm.bias")}
    assert len(load_file(path)) - len(kept) == 2 * 2 + 1
    save_file(kept, tmp_path / "new.safetensors", {"format": "pt"})
    (tmp_path / "new.safetensors").replace(path)
    ours, report = hubformer.StableLmForCausalLM.from_pretrained(
        tmp_path, dtype="float64", output_loading_info=True
    )
    assert report["missing_keys"] == []
    with torch.no_grad():
        assert distance(ours(ids(2, 6)).logits, oracle(ids(2, 6)).logits) <= EXACT


@pytest.mark.parametrize(
    ("model_type", "changes", "told"),
    [
        ("qwen2", {"layer_types": ["full_attention"]}, "layer_types has 1 entries"),
        ("smollm3", {"no_rope_layers": [1, 0, 1]}, "no_rope_layers has 3 entries"),
        ("gpt_neo", {"num_layers": 3}, "attention_types is of 2 layers"),
        ("gptj", {"rotary_dim": 20}, "expected an even number of at most 8"),
        ("phi", {"partial_rotary_factor": 0.1}, "expected an even number"),
        ("mistral", {"rope_scaling": {"rope_type": "mrope"}}, "not known"),
    ],
)
def test_what_cannot_be_honoured_is_refused(model_type: str, changes: dict[str, Any], told: str) -> None:
    config = hubformer.AutoConfig.for_model(model_type, **{**TINY[model_type], **changes})
    with pytest.raises(ConfigError, match=told):
        hubformer.AutoModel.from_config(config)
