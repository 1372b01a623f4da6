from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch

import hubformer
from hubformer.errors import InputError, UnknownArgument

IDS = torch.tensor([[5, 6, 7, 8]])


@pytest.fixture(scope="module")
def model() -> Any:
    config = hubformer.BertConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8,
        max_position_embeddings=6,
    )  # fmt: skip
    return hubformer.BertForMaskedLM(config).eval()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "either input_ids or inputs_embeds"),
        ({"input_ids": IDS, "inputs_embeds": torch.zeros(1, 4, 8)}, "not both"),
        ({"input_ids": IDS[0]}, "expected \\(rows, length\\)"),
        ({"input_ids": IDS[:, :0]}, "no token to read"),
        ({"input_ids": IDS + 15}, "input_ids holds 23, expected 0 to 19"),
        ({"input_ids": -IDS}, "input_ids holds -8"),
        ({"input_ids": IDS.float()}, "dtype torch.float32, expected whole numbers"),
        ({"input_ids": IDS.repeat(1, 2)}, "8 tokens, the model reads at most 6.*truncation=True"),
        ({"input_ids": IDS, "token_type_ids": IDS}, "token_type_ids holds 8, expected 0 to 1"),
        ({"input_ids": IDS, "position_ids": IDS}, "position_ids holds 8, expected 0 to 5"),
        ({"input_ids": IDS, "attention_mask": torch.ones(1, 5)}, "attention_mask has the shape \\[1, 5\\]"),
        ({"input_ids": IDS, "attention_mask": torch.ones(4)}, "attention_mask has the shape \\[4\\]"),
        ({"input_ids": IDS, "head_mask": torch.ones(3)}, "head_mask has the shape \\[3\\]"),
        ({"input_ids": IDS.tolist()}, 'input_ids is a list, expected a tensor.*return_tensors="pt"'),
        ({"input_ids": "a text"}, "input_ids is a str"),
        ({"input_ids": IDS, "attention_mask": [[1, 1, 1, 1]]}, "attention_mask is a list"),
        ({"input_ids": IDS, "labels": IDS.tolist()}, "labels is a list"),
        ({"input_ids": IDS, "labels": IDS + 15}, "labels holds 20, expected 0 to 19, or -100"),
        ({"input_ids": IDS, "labels": -IDS}, "labels holds -5"),
        ({"input_ids": IDS, "labels": IDS[:, :3]}, "labels has the shape \\[1, 3\\], expected \\[1, 4\\]"),
        ({"input_ids": IDS, "labels": IDS.float()}, "labels has the dtype torch.float32"),
    ],
)
def test_bad_inputs(model: Any, given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        model(**given)


def test_a_misspelt_argument_names_the_nearest(model: Any) -> None:
    with pytest.raises(UnknownArgument, match=r"'attention_maks'. Did you mean 'attention_mask'"):
        model(IDS, attention_maks=torch.ones(1, 4))
    with pytest.raises(TypeError, match="by position and by name"):
        model(IDS, input_ids=IDS)
    with pytest.raises(TypeError, match="by position"):
        model(*[None] * 40)


def test_the_signature_is_spelled_out() -> None:
    parameters = inspect.signature(hubformer.BertForQuestionAnswering.forward).parameters
    assert list(parameters)[1:4] == ["input_ids", "attention_mask", "token_type_ids"]
    assert list(parameters)[7:9] == ["start_positions", "end_positions"]


def test_outputs_by_name_key_and_place(model: Any) -> None:
    out = model(IDS, labels=IDS)
    assert out.loss is out["loss"] is out[0]
    assert list(out.keys()) == ["loss", "logits"] == list(out)
    assert "hidden_states" not in out
    assert len(out.to_tuple()) == len(out) == 2
    as_tuple = model(IDS, labels=IDS, return_dict=False)
    assert isinstance(as_tuple, tuple)
    assert torch.equal(as_tuple[1], out.logits)
    with pytest.raises(KeyError, match=r"no 'logit'. Did you mean 'logits'"):
        out["logit"]


def test_a_row_without_any_attended_token_is_finite(model: Any) -> None:
    mask = torch.tensor([[1, 1, 1, 1], [0, 0, 0, 0]])
    logits = model(IDS.repeat(2, 1), attention_mask=mask).logits
    assert torch.isfinite(logits).all()
    assert torch.allclose(logits[0], model(IDS).logits[0], atol=1e-6)
