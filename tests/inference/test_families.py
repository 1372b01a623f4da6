"""Every family through the engine: rows together are rows alone, whatever the family's way to be read."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import hubformer
from hubformer.inference import EncodedInput, Engine, engine

SMALL: dict[str, dict[str, Any]] = {
    "Bert": {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 24},
    "BigBird": {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 24,
        "block_size": 2,
        "num_random_blocks": 1,
        "sep_token_id": 2,
    },
    "DistilBert": {"dim": 16, "n_layers": 2, "n_heads": 4, "hidden_dim": 24},
    "Roberta": {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 24},
    "GPT2": {"n_embd": 16, "n_layer": 2, "n_head": 4, "pad_token_id": 3},
    "Llama": {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 24,
        "num_key_value_heads": 2,
        "pad_token_id": 3,
    },
    "Longformer": {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 24,
        "attention_window": 4,
    },
    "JinaBert": {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 24,
        "qk_post_norm": True,
    },
    "XLM": {"emb_dim": 16, "n_layers": 2, "n_heads": 4},
    "XLNet": {"d_model": 16, "n_layer": 2, "n_head": 4, "d_inner": 24},
}
QA = {"XLM": "XLMForQuestionAnsweringSimple", "XLNet": "XLNetForQuestionAnsweringSimple"}


@pytest.mark.parametrize("task", ["SequenceClassification", "QuestionAnswering"])
@pytest.mark.parametrize("family", SMALL)
def test_rows_together_are_rows_alone(family: str, task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(engine.BUDGET, "cpu", 60)
    name = (
        QA.get(family, f"{family}ForQuestionAnswering")
        if task == "QuestionAnswering"
        else f"{family}For{task}"
    )
    torch.manual_seed(6)
    config = getattr(hubformer, f"{family}Config")(vocab_size=50, num_labels=3, **SMALL[family])
    model = getattr(hubformer, name)(config).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    runner = Engine(model, pad_id=3, pad_left=family == "XLNet")
    typed = "token_type_ids" in runner.takes and family not in ("BigBird", "Longformer", "Roberta")
    # Where the question ends, which sees everything or is no answer.
    ends = [2, 2] if family in ("BigBird", "Longformer") else []
    rows = [
        EncodedInput(ids, [int(at > 3) for at in range(len(ids))] if typed and family != "GPT2" else None)
        for length in (5, 9, 2, 9, 17, 5, 30)
        for ids in [[*torch.randint(4, 50, (length,)).tolist(), *ends, *[7] * len(ends)]]
    ]
    for row, scores in zip(rows, runner.run(rows), strict=True):
        expected = alone(model, row)
        assert scores.shape == expected.shape
        assert float((scores - expected).abs().max()) <= 1e-9


def alone(model: Any, row: EncodedInput) -> Tensor:
    given = {"input_ids": torch.tensor([row.ids])}
    if row.types is not None:
        given["token_type_ids"] = torch.tensor([row.types])
    with torch.no_grad():
        out = model(**given)
    if "start_logits" in out:
        return torch.stack([out.start_logits[0], out.end_logits[0]], dim=-1)
    return out.logits[0]
