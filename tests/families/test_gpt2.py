"""What is GPT-2's own: the cache, old files, where a row is scored, where it starts from."""

from __future__ import annotations

import math
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import hubformer
from cases import GPT2, VOCAB
from hubformer.errors import ConfigError, InputError
from test_fidelity import EXACT, distance, shaken
from uncast import in_float64

transformers = pytest.importorskip("transformers")


def checkpoint(folder: Path, name: str, **changes: Any) -> tuple[Any, Any]:
    """(oracle, ours) in float64 from one shaken checkpoint."""
    torch.manual_seed(5)
    config = transformers.GPT2Config(**{**GPT2, **changes}, attn_implementation="eager")
    oracle = shaken(getattr(transformers, name)(config))
    oracle.save_pretrained(folder)
    return oracle.double().eval(), getattr(hubformer, name).from_pretrained(folder, dtype="float64")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return checkpoint(tmp_path_factory.mktemp("gpt2"), "GPT2LMHeadModel")[1]


def ids(rows: int, length: int, *, seed: int = 1) -> torch.Tensor:
    return torch.randint(6, VOCAB, (rows, length), generator=torch.Generator().manual_seed(seed))


# GPT-3's bands


def test_every_second_layer_sees_a_band() -> None:
    """Against the oracle's GPT-Neo, whose scores are not scaled and whose projections have no biases."""
    torch.manual_seed(5)
    changes = {**GPT2, "scale_attn_weights": False, "n_layer": 4, "band": 4}
    ours = shaken(hubformer.GPT2Model(hubformer.GPT2Config(**changes))).double()
    config = transformers.GPTNeoConfig(
        vocab_size=VOCAB, hidden_size=32, num_layers=4, num_heads=4, max_position_embeddings=40,
        attention_types=[[["global", "local"], 2]], window_size=4, bos_token_id=2, eos_token_id=2,
        attn_implementation="eager",
    )  # fmt: skip
    theirs = in_float64(transformers.GPTNeoModel(config)).eval()
    with torch.no_grad():
        for name, parameter in ours.named_parameters():
            if name.endswith("c_attn.bias"):
                parameter.zero_()
    moved: dict[str, torch.Tensor] = {}
    for name, tensor in ours.weight_map().to_hub(dict(ours.named_parameters())).items():
        place = name.removeprefix("transformer.")
        matrix = tensor.T if tensor.dim() == 2 and place.startswith("h.") else tensor
        if ".attn.c_attn." in place and tensor.dim() == 2:
            for part, kind in zip(matrix.chunk(3), "qkv", strict=True):
                moved[place.replace("attn.c_attn", f"attn.attention.{kind}_proj")] = part
        elif ".attn.c_attn." not in place:
            moved[place.replace("attn.c_proj", "attn.attention.out_proj")] = matrix
    theirs.load_state_dict(moved)
    tokens = ids(2, 13)
    with torch.no_grad():
        full = ours(tokens)[0]
        assert distance(full, theirs(tokens)[0]) <= EXACT
        first = ours(tokens[:, :7], use_cache=True)
        rest = ours(tokens[:, 7:], past_key_values=first.past_key_values)[0]
        assert distance(rest, full[:, 7:]) <= EXACT
        dense = hubformer.GPT2Model(hubformer.GPT2Config(**{**changes, "band": None})).double().eval()
        dense.load_state_dict(ours.state_dict())
        assert distance(dense(tokens)[0], full) > 1e-3
    with pytest.raises(ConfigError, match="band is 0"):
        hubformer.GPT2Model(hubformer.GPT2Config(**{**changes, "band": 0}))


# The cache


@pytest.mark.parametrize("pieces", [[12], [1] * 12, [5, 1, 1, 5], [11, 1], [1, 11]])
def test_cached_decoding_equals_the_full_pass(model: Any, pieces: list[int]) -> None:
    tokens = ids(3, 12)
    with torch.no_grad():
        full = model(tokens).logits
        past, found = None, []
        for piece in tokens.split(pieces, dim=1):
            out = model(piece, past_key_values=past, use_cache=True)
            past = out.past_key_values
            found.append(out.logits)
    assert distance(torch.cat(found, dim=1), full) <= EXACT


@pytest.mark.parametrize("whole_mask", [True, False])
def test_left_padded_rows_decode_like_rows_alone(model: Any, whole_mask: bool) -> None:
    tokens, mask = ids(2, 10), torch.ones(2, 10, dtype=torch.long)
    tokens[1, :4], mask[1, :4] = 1, 0
    with torch.no_grad():
        alone = model(tokens[1:, 4:]).logits
        past, found = None, []
        for start, end in ((0, 6), (6, 7), (7, 10)):
            part = mask[:, :end] if whole_mask else mask[:, start:end]
            out = model(tokens[:, start:end], past_key_values=past, attention_mask=part, use_cache=True)
            past = out.past_key_values
            found.append(out.logits)
    assert distance(torch.cat(found, dim=1)[1:, 4:], alone) <= EXACT


def test_the_cache_reads_as_pairs_and_may_be_given_as_pairs(model: Any) -> None:
    tokens = ids(2, 9)
    with torch.no_grad():
        past = model(tokens[:, :8]).past_key_values
        pairs = tuple((k.clone(), v.clone()) for k, v in past)
        assert len(pairs) == GPT2["n_layer"]
        assert pairs[0][0].shape == (2, GPT2["n_head"], 8, GPT2["n_embd"] // GPT2["n_head"])
        assert past.get_seq_length() == 8
        from_pairs = model(tokens[:, 8:], past_key_values=pairs).logits
        assert distance(from_pairs, model(tokens).logits[:, 8:]) <= EXACT
        assert model(tokens, use_cache=False).past_key_values is None


def test_activations_are_recomputed_without_a_cache(model: Any) -> None:
    """A pass that keeps its keys would keep them again when a block runs for its gradients."""
    tokens = ids(2, 7)
    plain = model(tokens, labels=tokens)
    twin = deepcopy(model).train()
    twin.gradient_checkpointing_enable()
    found = twin(tokens, labels=tokens, use_cache=True)
    assert found.past_key_values is None
    found.loss.backward()
    assert plain.past_key_values is not None
    assert twin.eval()(tokens).past_key_values is not None


def test_only_the_last_scores_are_computed_on_request(model: Any) -> None:
    tokens = ids(2, 7)
    with torch.no_grad():
        full = model(tokens).logits
        assert distance(model(tokens, logits_to_keep=2).logits, full[:, -2:]) <= EXACT
        assert distance(model(tokens, logits_to_keep=torch.tensor([0, 3])).logits, full[:, [0, 3]]) <= EXACT


def test_a_row_longer_than_the_position_table_is_refused(model: Any) -> None:
    with pytest.raises(InputError, match="at most 40"):
        model(ids(1, 41))
    with torch.no_grad():
        past = model(ids(1, 40)).past_key_values
    with pytest.raises(InputError, match="at most 40"):
        model(ids(1, 1), past_key_values=past)


# Cross-attention


def test_cross_attention(tmp_path: Path) -> None:
    oracle, ours = checkpoint(
        tmp_path, "GPT2LMHeadModel", add_cross_attention=True, scale_attn_by_inverse_layer_idx=True
    )
    generator = torch.Generator().manual_seed(2)
    memory = torch.randn(2, 5, GPT2["n_embd"], generator=generator, dtype=torch.float64)
    given = {
        "encoder_hidden_states": memory,
        "encoder_attention_mask": torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]),
    }
    tokens = ids(2, 8)
    with torch.no_grad():
        theirs = oracle(tokens, **given, output_attentions=True)
        mine = ours(tokens, **given, output_attentions=True)
        assert distance(mine.logits, theirs.logits) <= EXACT
        assert len(mine.cross_attentions) == len(theirs.cross_attentions) == GPT2["n_layer"]
        for a, b in zip(mine.cross_attentions, theirs.cross_attentions, strict=True):
            assert distance(a, b) <= EXACT
        first = ours(tokens[:, :6], **given)
        rest = ours(tokens[:, 6:], **given, past_key_values=first.past_key_values)
        assert distance(rest.logits, theirs.logits[:, 6:]) <= EXACT
    ours.save_pretrained(tmp_path / "again")
    again = transformers.GPT2LMHeadModel.from_pretrained(tmp_path / "again", dtype=torch.float64)
    for name, tensor in oracle.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name


def test_an_encoder_is_refused_by_a_model_that_cannot_read_it(model: Any) -> None:
    with pytest.raises(InputError, match="cross-attention"):
        model(ids(1, 3), encoder_hidden_states=torch.zeros(1, 2, GPT2["n_embd"], dtype=torch.float64))


# Heads


@pytest.mark.parametrize(
    "changes",
    [
        {"summary_type": "last"},
        {"summary_type": "first", "summary_activation": "tanh"},
        {"summary_type": "mean"},
        {"summary_type": "cls_index", "summary_proj_to_labels": False},
        {"summary_use_proj": False, "summary_activation": "relu"},
    ],
    ids=str,
)
def test_summaries(tmp_path: Path, changes: dict[str, Any]) -> None:
    oracle, ours = checkpoint(tmp_path, "GPT2DoubleHeadsModel", **changes)
    given = {"input_ids": ids(3, 6)}
    if changes.get("summary_type") in (None, "cls_index"):
        given["mc_token_ids"] = torch.tensor([5, 2, 0])
    with torch.no_grad():
        theirs, mine = oracle(**given), ours(**given)
    assert distance(mine.mc_logits, theirs.mc_logits) <= EXACT
    assert distance(mine.logits, theirs.logits) <= EXACT


def test_an_unknown_summary_is_refused() -> None:
    with pytest.raises(ConfigError, match="summary_type"):
        hubformer.GPT2Config(summary_type="attn")


def test_a_row_is_scored_at_its_last_token(tmp_path: Path) -> None:
    oracle, ours = checkpoint(tmp_path, "GPT2ForSequenceClassification")
    tokens = ids(3, 7)
    tokens[1, 4:] = 1
    with torch.no_grad():
        by_padding = ours(tokens).logits
        assert distance(by_padding, oracle(tokens).logits) <= EXACT
        masked = ours(tokens, attention_mask=(tokens != 1).long()).logits
        assert distance(masked, by_padding) <= EXACT
        # A mask speaks louder than the padding token, which may be an ordinary token too.
        attended = ours(tokens, attention_mask=torch.ones_like(tokens)).logits
        assert distance(attended[1], by_padding[1]) > 1e-3
        only_padding = ours(torch.ones(1, 3, dtype=torch.long)).logits
        assert distance(only_padding, oracle(torch.ones(1, 3, dtype=torch.long)).logits) <= EXACT


def test_no_padding_token_is_needed(tmp_path: Path) -> None:
    _, ours = checkpoint(tmp_path, "GPT2ForSequenceClassification", pad_token_id=None)
    tokens, mask = ids(2, 7), torch.ones(2, 7, dtype=torch.long)
    mask[1, 5:] = 0
    with torch.no_grad():
        padded, alone = ours(tokens, attention_mask=mask).logits, ours(tokens[1:, :5]).logits
        assert distance(padded[1:], alone) <= EXACT
        assert ours(tokens).logits.shape == (2, 3)


def test_a_dropout_of_a_file_is_obeyed() -> None:
    def rate(**changes: Any) -> float:
        config = hubformer.GPT2Config(**{**GPT2, **changes})
        return hubformer.GPT2ForTokenClassification(config).computation.head.dropout.p

    assert rate() == 0.1
    assert rate(hidden_dropout=0.2) == 0.2
    assert rate(hidden_dropout=0.2, classifier_dropout=0.3) == 0.3


# Files


def test_old_files_load(tmp_path: Path) -> None:
    """The first files: no prefix, the mask and its constant beside the weights, n_ctx, no model_type."""
    oracle, _ = checkpoint(tmp_path, "GPT2LMHeadModel")
    path = tmp_path / "model.safetensors"
    tensors = {name.removeprefix("transformer."): t for name, t in load_file(path).items()}
    assert "lm_head.weight" not in tensors
    for i in range(GPT2["n_layer"]):
        tensors[f"h.{i}.attn.bias"] = torch.ones(1, 1, 40, 40).tril()
        tensors[f"h.{i}.attn.masked_bias"] = torch.tensor(-1e4)
    save_file(tensors, path)
    config = transformers.GPT2Config.from_pretrained(tmp_path).to_dict()
    for name in ("model_type", "dtype", "transformers_version"):
        config.pop(name)
    written = {**config, "n_ctx": 40, "architectures": ["GPT2LMHeadModel"]}
    (tmp_path / "config.json").write_text(transformers.GPT2Config(**written).to_json_string(use_diff=False))
    ours = hubformer.AutoModelForCausalLM.from_pretrained(tmp_path, dtype="float64")
    tokens = ids(2, 6)
    with torch.no_grad():
        assert distance(ours(tokens).logits, oracle(tokens).logits) <= EXACT
        bare = hubformer.AutoModel.from_pretrained(tmp_path, dtype="float64")
        assert distance(bare(tokens)[0], oracle.transformer(tokens)[0]) <= EXACT


def test_a_tied_output_is_found_under_either_name(tmp_path: Path) -> None:
    oracle, _ = checkpoint(tmp_path, "GPT2LMHeadModel")
    path = tmp_path / "model.safetensors"
    tensors = load_file(path)
    tensors["lm_head.weight"] = tensors.pop("transformer.wte.weight")
    save_file(tensors, path)
    ours = hubformer.GPT2LMHeadModel.from_pretrained(tmp_path, dtype="float64")
    with torch.no_grad():
        assert distance(ours(ids(2, 6)).logits, oracle(ids(2, 6)).logits) <= EXACT


def test_the_config_speaks_both_vocabularies() -> None:
    config = hubformer.GPT2Config(hidden_size=64, num_attention_heads=4)
    assert (config.n_embd, config.hidden_size, config.n_head) == (64, 64, 4)
    config.max_position_embeddings = 12
    assert config.n_positions == 12
    theirs = transformers.GPT2Config()
    for name in hubformer.GPT2Config.fields:
        if hasattr(theirs, name):
            assert getattr(hubformer.GPT2Config(), name) == getattr(theirs, name), name


# Where a model starts from


def test_first_weights_have_the_oracles_spread() -> None:
    changes = {**GPT2, "n_embd": 64, "n_layer": 8, "add_cross_attention": True, "initializer_range": 0.05}
    torch.manual_seed(0)
    ours = hubformer.GPT2DoubleHeadsModel(hubformer.GPT2Config(**changes))
    theirs = transformers.GPT2DoubleHeadsModel(transformers.GPT2Config(**changes)).state_dict()
    for name, tensor in ours.weight_map().to_hub({n: p.detach() for n, p in ours.named_parameters()}).items():
        other = theirs[name]
        slack = 6 * float(other.std()) / math.sqrt(other.numel()) if other.numel() > 1 else 0.2
        assert abs(float(tensor.mean() - other.mean())) <= slack + 1e-12, name
        if other.numel() > 1:
            assert abs(float(tensor.std() - other.std())) <= slack + 1e-12, name
