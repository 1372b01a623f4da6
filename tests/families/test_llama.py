"""What is Llama's own: rotary scalings in both spellings, places that are told, grouped heads, real text."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch

import hubformer
from cases import VOCAB
from decoders import SMALL
from hubformer.errors import ConfigError
from test_fidelity import EXACT, distance, shaken
from uncast import in_float64

transformers = pytest.importorskip("transformers")

STORIES = Path(__file__).parents[3] / "shared" / "models" / "stories260K"
WAVES = SMALL["hidden_size"] // SMALL["num_attention_heads"] // 2
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 4.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
LONGROPE = {
    "rope_type": "longrope",
    "short_factor": [1.0, 1.1, 1.3, 1.7],
    "long_factor": [1.5, 2.5, 4.0, 8.0],
    "original_max_position_embeddings": 8,
}
YARN = {"rope_type": "yarn", "factor": 3.0, "original_max_position_embeddings": 64}
SCALINGS: dict[str, dict[str, Any]] = {
    "linear": {"rope_type": "linear", "factor": 2.5},
    "dynamic": {"rope_type": "dynamic", "factor": 2.0},
    "llama3": LLAMA3,
    "yarn": YARN,
    "yarn, all said": {**YARN, "beta_fast": 4, "beta_slow": 2.0, "attention_factor": 0.7, "truncate": False},
    "yarn, weighed": {**YARN, "mscale": 0.7, "mscale_all_dim": 0.4},
    "longrope": LONGROPE,
    "longrope, factor": {**LONGROPE, "factor": 3.0},
    "longrope, weighed": {**LONGROPE, "attention_factor": 1.2},
}


def checkpoint(folder: Path, name: str = "LlamaForCausalLM", **changes: Any) -> tuple[Any, Any]:
    """(oracle, ours) in float64 from one shaken checkpoint."""
    torch.manual_seed(5)
    kind = getattr(transformers, name)
    config = deepcopy({**SMALL, **changes})  # the oracle writes into what it is given
    oracle = shaken(kind(kind.config_class(**config, attn_implementation="eager")))
    oracle.save_pretrained(folder)
    ours = getattr(hubformer, name).from_pretrained(folder, dtype="float64")
    return in_float64(oracle).eval(), ours


def ids(rows: int, length: int, *, seed: int = 1) -> torch.Tensor:
    return torch.randint(6, VOCAB, (rows, length), generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    return checkpoint(tmp_path_factory.mktemp("llama"))


# Scalings


@pytest.mark.parametrize("name", SCALINGS)
@pytest.mark.parametrize("length", [5, 21])
def test_a_scaling_is_the_oracles(name: str, length: int, tmp_path: Path) -> None:
    """On rows as short as in training, and on longer ones."""
    oracle, ours = checkpoint(tmp_path, rope_scaling=SCALINGS[name], max_position_embeddings=16)
    tokens = ids(2, length)
    with torch.no_grad():
        assert distance(ours(tokens).logits, oracle(tokens).logits) <= EXACT


@pytest.mark.parametrize("name", SCALINGS)
def test_both_spellings_are_one_configuration(name: str, tmp_path: Path) -> None:
    old = {"rope_theta": 700.0, "rope_scaling": SCALINGS[name]}
    new = {"rope_parameters": {**SCALINGS[name], "rope_theta": 700.0}}
    by_old, by_new = (hubformer.LlamaConfig(**SMALL, **spelling) for spelling in (old, new))
    assert by_old == by_new
    assert (by_new.rope_theta, by_new.rope_scaling) == (700.0, SCALINGS[name])
    by_new.save_pretrained(tmp_path)
    read = transformers.LlamaConfig.from_pretrained(tmp_path).rope_parameters
    assert {key: read[key] for key in new["rope_parameters"]} == new["rope_parameters"]


def test_a_scaling_is_no_scaling_where_it_is_the_default() -> None:
    for said in (None, {"rope_type": "default", "rope_theta": 500.0}):
        config = hubformer.LlamaConfig(**SMALL, rope_parameters=said)
        assert config.rope_scaling is None
        assert config.rope_theta == (10000.0 if said is None else 500.0)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"rope_type": "linaer", "factor": 2.0}, "Did you mean 'linear'"),
        ({"rope_type": "linear"}, "factor of rope_scaling is None"),
        ({"rope_type": "linear", "factor": -1.0}, "above 0"),
        ({"rope_type": "linear", "factor": 2.0, "beta_fast": 3}, "'beta_fast', which it does not read"),
        ({**LLAMA3, "low_freq_factor": 9.0}, "expected the first less"),
        ({**LONGROPE, "long_factor": [1.0]}, "a list of 4 numbers"),
        ({"rope_type": 3}, "not known"),
    ],
    ids=str,
)
def test_a_scaling_that_cannot_be_honoured_is_refused(said: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        hubformer.LlamaModel(hubformer.LlamaConfig(**SMALL, rope_scaling=said))


def test_rows_of_a_batch_are_scaled_alone(tmp_path: Path) -> None:
    """The oracle scales all rows by the longest, and goes on so after a long one."""
    _, ours = checkpoint(tmp_path, rope_scaling=SCALINGS["dynamic"], max_position_embeddings=8)
    tokens, mask = ids(2, 15), torch.ones(2, 15, dtype=torch.long)
    mask[1, 5:] = 0
    with torch.no_grad():
        together = ours(tokens, attention_mask=mask).logits
        assert distance(together[:1], ours(tokens[:1]).logits) <= EXACT
        assert distance(together[1:, :5], ours(tokens[1:, :5]).logits) <= EXACT


# Places and sizes


def test_places_may_be_told(pair: tuple[Any, Any]) -> None:
    oracle, ours = pair
    tokens, places = ids(2, 6), torch.tensor([[3, 4, 5, 6, 9, 11]])
    with torch.no_grad():
        theirs = oracle(tokens, position_ids=places).logits
        assert distance(ours(tokens, position_ids=places).logits, theirs) <= EXACT
        moved = ours(tokens, position_ids=places + 20).logits
        assert distance(moved, theirs) <= 1e-5  # distances alone count
        assert distance(ours(tokens).logits, theirs) > 1e-3
        first = ours(tokens[:, :4], position_ids=places[:, :4], use_cache=True)
        rest = ours(tokens[:, 4:], position_ids=places[:, 4:], past_key_values=first.past_key_values)
        assert distance(rest.logits, theirs[:, 4:]) <= EXACT


def test_only_the_shared_heads_are_kept(pair: tuple[Any, Any]) -> None:
    past = pair[1](ids(2, 6), use_cache=True).past_key_values
    assert past[0][0].shape == (2, SMALL["num_key_value_heads"], 6, 2 * WAVES)


def test_embedded_tokens_may_stand_in_place_of_ids(pair: tuple[Any, Any]) -> None:
    oracle, ours = pair
    tokens = ids(2, 5)
    with torch.no_grad():
        vectors = ours.get_input_embeddings()(tokens)
        assert distance(ours(inputs_embeds=vectors).logits, oracle(tokens).logits) <= EXACT


def test_what_v4_fills_in() -> None:
    config = hubformer.LlamaConfig(hidden_size=96, num_attention_heads=6)
    assert (config.num_key_value_heads, config.head_dim) == (6, 16)
    with pytest.raises(ConfigError, match="Did you mean 'hidden_size'"):
        hubformer.LlamaConfig(hiden_size=96)
    with pytest.raises(ConfigError, match="expected a multiple"):
        hubformer.LlamaModel(hubformer.LlamaConfig(**{**SMALL, "num_key_value_heads": 3}))
    with pytest.raises(ConfigError, match="expected an even number"):
        hubformer.LlamaModel(hubformer.LlamaConfig(**SMALL, head_dim=7))


# Files


def test_a_question_answerer_keeps_its_backbone_under_another_name(tmp_path: Path) -> None:
    """Its files say transformer.*, those of the other heads model.*; each head reads both."""
    oracle, ours = checkpoint(tmp_path / "span", "LlamaForQuestionAnswering")
    names = set(ours.weight_map().to_hub(dict(ours.named_parameters())))
    assert names == set(oracle.state_dict())
    base = hubformer.LlamaModel.from_pretrained(tmp_path / "span", dtype="float64")
    tokens = ids(2, 5)
    with torch.no_grad():
        theirs = oracle(tokens, output_hidden_states=True).hidden_states[-1]
        assert distance(base(tokens)[0], theirs) <= EXACT
    checkpoint(tmp_path / "writer")
    again = hubformer.LlamaForQuestionAnswering.from_pretrained(tmp_path / "writer", new_head=True)
    assert again(tokens).start_logits.shape == (2, 5)
    assert again.untrained_parameters() == ("qa_outputs.weight", "qa_outputs.bias")


# Generation


@pytest.mark.parametrize("how", [{}, {"num_beams": 3}, {"use_cache": False}], ids=str)
def test_generation(pair: tuple[Any, Any], how: dict[str, Any]) -> None:
    oracle, ours = pair
    tokens = ids(2, 5)
    given = {"attention_mask": torch.ones_like(tokens), "max_new_tokens": 9, "eos_token_id": None, **how}
    theirs = oracle.generate(tokens, **given)
    assert len(set(theirs[0, 5:].tolist())) > 3
    assert torch.equal(ours.generate(tokens, **given), theirs)


@pytest.mark.skipif(not STORIES.is_dir(), reason="the real checkpoint is not here")
def test_a_real_checkpoint_tells_its_story() -> None:
    said = json.loads((STORIES / "expected.json").read_text("utf-8"))
    model = hubformer.AutoModelForCausalLM.from_pretrained(STORIES)
    tokenizer = hubformer.AutoTokenizer.from_pretrained(STORIES)
    assert tokenizer("Once upon a time")["input_ids"] == said["prompt_once_upon_a_time"]
    wanted = said["greedy_ids"]
    prompt = torch.tensor([said["prompt"]])
    for start in (prompt, torch.tensor([said["prompt_once_upon_a_time"]])):
        written = model.generate(start, max_new_tokens=len(wanted) - start.shape[1], do_sample=False)
        assert written[0].tolist() == wanted
    assert tokenizer.decode(wanted, skip_special_tokens=True).strip() == said["text"].strip()
    padded = torch.cat([torch.tensor([[0, 0]]), prompt], dim=1)
    mask = torch.tensor([[0, 0, 1]])
    assert model.generate(padded, attention_mask=mask, max_new_tokens=30)[0, 2:].tolist() == wanted[:31]
