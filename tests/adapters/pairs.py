"""Tiny bases on disk, and the same adapter in PEFT's hands and in ours."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import hubformer
from cases import TINY, VOCAB
from hubformer.adapters import LoraConfig, adapters_of
from hubformer.adapters.files import PREFIX, rows_of
from hubformer.adapters.sites import places_of
from hubformer.families import FAMILIES, family
from uncast import in_float64

EXACT, SINGLE = 1e-9, 1e-5


@dataclass(frozen=True)
class Case:
    """A class, and what a LoraConfig says of it."""

    model_type: str
    name: str
    asked: dict[str, Any]
    config: dict[str, Any] = field(default_factory=dict)
    label: str = ""

    def __str__(self) -> str:
        return f"{self.name}-{self.label or self.asked.get('target_modules')}"


_SEQ, _LM = {"task_type": "SEQ_CLS"}, {"task_type": "CAUSAL_LM"}
CASES = [
    Case("bert", "BertForSequenceClassification", {**_SEQ, "r": 4, "lora_alpha": 6}, label="default"),
    Case("bert", "BertForSequenceClassification", {**_SEQ, "target_modules": "all-linear"}),
    Case("bert", "BertForSequenceClassification", {"target_modules": "all-linear"}, label="adapted head"),
    Case("bert", "BertForMaskedLM", {"target_modules": ["dense", "key"], "use_rslora": True, "r": 3}),
    Case("bert", "BertForMaskedLM", {"target_modules": ["dense"], "bias": "all"}, label="biases"),
    Case("bert", "BertForTokenClassification", {"task_type": "TOKEN_CLS"}, label="default"),
    Case("bert", "BertForQuestionAnswering", {"task_type": "QUESTION_ANS"}, {"num_labels": 2}, "default"),
    Case("bert", "BertModel", {"target_modules": r"encoder\.layer\.[02]\..*\.(query|dense)"}, label="bare"),
    Case("distilbert", "DistilBertForSequenceClassification", {**_SEQ, "target_modules": ["q_lin", "lin2"]}),
    Case("distilbert", "DistilBertForMaskedLM", {"target_modules": "all-linear"}),
    Case("gpt2", "GPT2LMHeadModel", _LM, label="default"),
    Case("gpt2", "GPT2LMHeadModel", {**_LM, "target_modules": ["c_attn", "attn.c_proj", "mlp.c_fc"], "r": 5}),
    Case("gpt2", "GPT2LMHeadModel", {**_LM, "target_modules": "all-linear", "bias": "all"}, label="biases"),
    Case(
        "gpt2", "GPT2LMHeadModel",
        {**_LM, "target_modules": ["c_attn", "c_proj"], "r": 32, "bias": "lora_only"}, label="square B",
    ),
    Case("gpt2", "GPT2ForSequenceClassification", {**_SEQ, "target_modules": ["c_attn", "c_proj"]}),
    Case("gpt2", "GPT2DoubleHeadsModel", {"target_modules": ["c_attn", "summary"]}),
    Case("roberta", "RobertaForSequenceClassification", {**_SEQ, "target_modules": ["dense", "query"]}),
    Case("roberta", "RobertaForSequenceClassification", {**_SEQ, "bias": "all"}, label="biases"),
    Case("roberta", "RobertaForMaskedLM", {"target_modules": ["value"], "layers_to_transform": [1, 2]}),
    Case(
        "bert", "BertForSequenceClassification",
        {
            "target_modules": ["query", "value", "output.dense"],
            "layers_to_transform": 1,
            "layers_pattern": "layer",
            "exclude_modules": ["attention.output.dense"],
            "modules_to_save": ["pooler.dense", "LayerNorm"],
            "rank_pattern": {"query": 3, r"layer\.1\..*value": 2},
            "alpha_pattern": {"value": 5, "self.query": 11},
            "bias": "lora_only",
        },
        label="patterns",
    ),
    Case("xlnet", "XLNetForSequenceClassification", {"target_modules": ["layer_1", "layer_2", "summary"]}),
    Case("xlnet", "XLNetLMHeadModel", {**_LM, "target_modules": "all-linear", "bias": "all"}, label="biases"),
    Case("llama", "LlamaForCausalLM", {**_LM, "target_modules": ["q_proj", "v_proj", "down_proj"]}),
    Case("gpt_neox", "GPTNeoXForCausalLM", {**_LM, "target_modules": "all-linear"}, label="interleaved"),
    Case("phi3", "Phi3ForCausalLM", {**_LM, "target_modules": ["qkv_proj", "gate_up_proj"]}),
]  # fmt: skip
FAMILY_CASES = [case for case in CASES if case.label not in ("biases", "patterns", "bare")]
# Every other decoder, with the modules that LoRA adapts unless it is told.
DECODERS = [
    Case(name, head.name, {**_LM, "target_modules": list(family(name).lora_targets)}, label="default")
    for name in FAMILIES
    if (head := family(name).head("causal-lm")) is not None and family(name).lora_targets
    if name not in {case.model_type for case in CASES}
]


def base(case: Case, folder: Path) -> Path:
    """The oracle's shaken model of a case, saved."""
    import transformers

    torch.manual_seed(3)
    kind = getattr(transformers, case.name)
    config = kind.config_class(**{**TINY[case.model_type], **case.config}, attn_implementation="eager")
    oracle = shaken(kind(config), only_trained=True)  # fixed waves are not saved
    oracle.save_pretrained(folder)
    return folder


def shaken(model: Any, *, only_trained: bool = False) -> Any:
    """Every parameter moved, so that no zero or one hides an unused one; or only those that learn."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad or not only_trained:
                parameter.add_(torch.randn_like(parameter) * 0.3)
    return model.eval()


def theirs(case: Case, folder: Path, *, dtype: torch.dtype = torch.float64) -> Any:
    import transformers

    kind = getattr(transformers, case.name)
    model = kind.from_pretrained(folder, dtype=dtype, attn_implementation="eager").eval()
    return in_float64(model) if dtype == torch.float64 else model


def ours(case: Case, folder: Path, *, dtype: torch.dtype = torch.float64) -> Any:
    return getattr(hubformer, case.name).from_pretrained(folder, dtype=dtype, mapped=False)


def peft_model(model: Any, asked: dict[str, Any], **named: Any) -> Any:
    """The oracle's model with a fresh adapter of PEFT's. What it warns of, it sets right itself."""
    import peft

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return peft.get_peft_model(model, peft.LoraConfig(**asked), **named)


def peft_loaded(model: Any, folder: Path, **named: Any) -> Any:
    import peft

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return peft.PeftModel.from_pretrained(model, str(folder), **named).eval()


def saved_by_peft(case: Case, where: Path, folder: Path, *, dtype: torch.dtype = torch.float64) -> Any:
    """PEFT's adapter on the oracle's model, shaken and saved."""
    torch.manual_seed(5)
    model = shaken(peft_model(theirs(case, where, dtype=dtype), case.asked), only_trained=True)
    model.save_pretrained(folder)
    return model


def with_adapter(case: Case, where: Path, *, dtype: torch.dtype = torch.float64) -> Any:
    """Our model with a fresh adapter, shaken."""
    torch.manual_seed(5)
    model = ours(case, where, dtype=dtype)
    model.add_adapter(LoraConfig(**case.asked))
    return shaken(model, only_trained=True)


def batch(case: Case, *, labelled: bool = False) -> dict[str, Tensor]:
    """Two rows of equal length; what is asked of each head is its loss."""
    generator = torch.Generator().manual_seed(7)
    ids = torch.randint(6, VOCAB, (2, 9), generator=generator)
    if case.name.endswith("DoubleHeadsModel"):
        return {"input_ids": ids[None], "mc_token_ids": torch.tensor([[8, 6]])}
    given: dict[str, Tensor] = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if not labelled:
        return given
    if case.name.endswith("SequenceClassification"):
        return {**given, "labels": torch.tensor([2, 0])}
    if case.name.endswith("QuestionAnswering"):
        return {**given, "start_positions": torch.tensor([1, 2]), "end_positions": torch.tensor([3, 4])}
    if case.name.endswith("TokenClassification"):
        return {**given, "labels": ids % 3}
    return {**given, "labels": ids}


def answers(model: Any, given: dict[str, Tensor]) -> dict[str, Tensor]:
    """Everything that a pass says in numbers."""
    with torch.no_grad():
        out = model(**given)
    return {k: v for k, v in out.items() if isinstance(v, Tensor) and v.is_floating_point()}


def away(a: dict[str, Tensor], b: dict[str, Tensor]) -> float:
    """The furthest of what both say, relative to max(1, |x|)."""
    shared = [name for name in a if name in b]
    assert shared
    for name in shared:
        assert a[name].shape == b[name].shape, name
    return max(distance(a[name], b[name]) for name in shared)


def distance(a: Tensor, b: Tensor) -> float:
    a, b = a.detach().double(), b.detach().double()
    return float(((a - b).abs() / b.abs().clamp(min=1)).max())


def gradients(model: Any, name: str = "default") -> dict[str, Tensor]:
    """Those of an adapter of ours, under PEFT's names."""
    adapters = adapters_of(model)
    assert adapters is not None
    adapter = adapters.adapter(name)
    own = {n: p.grad for n, p in adapter.named_parameters()}
    found: dict[str, Tensor] = {}
    for row in rows_of(adapter, places_of(model)):
        grads: list[Any] = [own[n] for n in row.ours]
        assert all(grad is not None for grad in grads), row.ours
        found |= {PREFIX + hub: g for hub, g in zip(row.hub, row.change.save(grads), strict=True)}
    return found


def peft_gradients(model: Any) -> dict[str, Tensor]:
    """Those of PEFT's adapter, under the names of its files."""
    return {
        n.replace(".modules_to_save.default.", ".").replace(".default.", "."): p.grad
        for n, p in model.named_parameters()
        if p.requires_grad
    }
