"""What the fidelity tests run: a tiny configuration per model type, variants that change the maths, inputs.

To add a family: one entry in TINY, three or more in VARIANTS. Every head of its table is then compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch

import decoders
import encoder_decoders
import encoders
import hubformer
from hubformer.families import FAMILIES, family
from hubformer.models.family import Head

VOCAB, LENGTH = 99, 11

BERT = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 40,
    "num_labels": 3,
}

ROBERTA = {**BERT, "max_position_embeddings": 42, "type_vocab_size": 1}
LONGFORMER = {**ROBERTA, "attention_window": 8}
DISTILBERT = {
    "vocab_size": VOCAB,
    "dim": 32,
    "n_layers": 3,
    "n_heads": 4,
    "hidden_dim": 48,
    "max_position_embeddings": 40,
    "num_labels": 3,
}

GPT2 = {
    "vocab_size": VOCAB,
    "n_embd": 32,
    "n_layer": 3,
    "n_head": 4,
    "n_positions": 40,
    "bos_token_id": 2,
    "eos_token_id": 2,
    "pad_token_id": 1,
    "num_labels": 3,
}

XLNET = {
    "vocab_size": VOCAB,
    "d_model": 32,
    "n_layer": 3,
    "n_head": 4,
    "d_inner": 48,
    "num_labels": 3,
}

TINY: dict[str, dict[str, Any]] = {
    "bert": BERT,
    "camembert": ROBERTA,
    "distilbert": DISTILBERT,
    "gpt2": GPT2,
    "longformer": LONGFORMER,
    "roberta": ROBERTA,
    "xlm-roberta": ROBERTA,
    "xlnet": XLNET,
    **decoders.TINY,
    **encoder_decoders.TINY,
    **encoders.TINY,
}

VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "bert": {
        "plain": {},
        "relu": {"hidden_act": "relu", "layer_norm_eps": 1e-3, "num_attention_heads": 8},
        "types": {"type_vocab_size": 5, "hidden_act": "gelu_new", "num_attention_heads": 1},
        "untied": {"tie_word_embeddings": False, "hidden_act": "silu"},
    },
    "camembert": {
        "plain": {},
        "relu": {"hidden_act": "relu", "layer_norm_eps": 1e-3},
        "padding": {"pad_token_id": 5, "num_attention_heads": 8},
    },
    "distilbert": {
        "plain": {},
        "sinusoidal": {"sinusoidal_pos_embds": True, "n_heads": 1},
        "relu": {"activation": "relu", "n_heads": 8, "pad_token_id": 3},
        "untied": {"tie_word_embeddings": False, "n_layers": 1},
    },
    "gpt2": {
        "plain": {},
        "scaled": {"scale_attn_by_inverse_layer_idx": True, "n_head": 8},
        "unscaled": {"scale_attn_weights": False, "activation_function": "relu", "n_inner": 40},
        "untied": {"tie_word_embeddings": False, "layer_norm_epsilon": 1e-3, "summary_activation": "tanh"},
        "one head": {"activation_function": "gelu", "n_head": 1, "n_layer": 1},
    },
    "longformer": {
        "plain": {},
        "windows": {"attention_window": [4, 6, 4], "hidden_act": "relu", "layer_norm_eps": 1e-3},
        "padding": {"pad_token_id": 4, "type_vocab_size": 3, "attention_window": 4},
        "wide": {"attention_window": 64, "num_attention_heads": 8},
        "untied": {"tie_word_embeddings": False, "hidden_act": "gelu_new", "attention_window": 6},
    },
    "roberta": {
        "plain": {},
        "relu": {"hidden_act": "relu", "layer_norm_eps": 1e-3, "num_attention_heads": 8},
        "padding": {"pad_token_id": 4, "type_vocab_size": 3, "num_attention_heads": 1},
        "untied": {"tie_word_embeddings": False, "hidden_act": "gelu_new"},
    },
    "xlm-roberta": {
        "plain": {},
        "silu": {"hidden_act": "silu", "type_vocab_size": 2, "num_attention_heads": 1},
        "untied": {"tie_word_embeddings": False, "layer_norm_eps": 1e-3},
    },
    # attn_type="uni" and bi_data, which the oracle cannot read from every batch, are in test_xlnet.py.
    "xlnet": {
        "plain": {},
        "clamped": {"clamp_len": 3, "ff_activation": "relu", "n_head": 8},
        "first": {"summary_type": "first", "summary_activation": "gelu", "layer_norm_eps": 1e-3},
        "untied": {"tie_word_embeddings": False, "n_head": 1, "summary_use_proj": False},
        "index": {"summary_type": "cls_index", "ff_activation": "silu", "n_layer": 1},
        "few": {"clamp_len": 1, "ff_activation": "gelu_new", "start_n_top": 3, "end_n_top": 2},
    },
    **decoders.VARIANTS,
    **encoder_decoders.VARIANTS,
    **encoders.VARIANTS,
}

# Heads that need another configuration to be what they are.
HEAD_CONFIG: dict[str, dict[str, Any]] = {
    "AlbertForPreTraining": {"num_labels": 2},
    "BertLMHeadModel": {"is_decoder": True},
    # With more of the oracle's decoders read rows in blocks, which see what comes later.
    "BigBirdForCausalLM": {"is_decoder": True, "attention_type": "original_full"},
    "CamembertForCausalLM": {"is_decoder": True},
    "ElectraForCausalLM": {"is_decoder": True},
    "RobertaForCausalLM": {"is_decoder": True},
    "XLMRobertaForCausalLM": {"is_decoder": True},
}


# Heads that find the texts of a pair by three separators, and where the first stands in each row. As many
# tokens of either row are global: the oracle's weights of those that a row lacks are filler.
SEPARATED = {"LongformerForMultipleChoice": (5, 2), "LongformerForQuestionAnswering": (2, 2)}


# Fields that no vocabulary head reads, and the tasks of the heads that read them.
FIELDS_OF_HEADS = ("summary_", "classifier_", "pooler_", "start_n_top", "end_n_top")
READING = ("sequence-classification", "question-answering")


def scores_words(model_type: str) -> Head:
    """The head whose loss reaches every parameter of a body and of its vocabulary."""
    found = family(model_type)
    heads = (found.head(task) for task in ("seq2seq-lm", "masked-lm", "causal-lm"))
    return next(head for head in heads if head is not None)


@dataclass(frozen=True)
class Case:
    model_type: str
    head: Head
    variant: str

    def __str__(self) -> str:
        return f"{self.head.name}-{self.variant}"

    @property
    def slow(self) -> bool:
        """The fast suite shows all heads with one variant, and all variants with the head that scores words;
        Llama shows the other heads that most decoders share with it."""
        first = self.variant == next(iter(VARIANTS[self.model_type]))
        if self.head.name == scores_words(self.model_type).name:
            return False
        if self.model_type in decoders.SHARING:
            return True
        reads_them = not self.head.tasks or any(task in READING for task in self.head.tasks)
        return not (first or (reads_them and self._varies_heads()))

    def _varies_heads(self) -> bool:
        return any(name.startswith(FIELDS_OF_HEADS) for name in VARIANTS[self.model_type][self.variant])

    def config(self) -> dict[str, Any]:
        return {
            **TINY[self.model_type],
            **VARIANTS[self.model_type][self.variant],
            **HEAD_CONFIG.get(self.head.name, {}),
            **({"num_labels": 2} if "start_positions" in self.head.arguments else {}),
        }


CASES = [
    Case(model_type, head, variant)
    for model_type in TINY
    for head in family(model_type).heads
    if head.name not in (*encoder_decoders.ELSEWHERE, *decoders.ELSEWHERE)
    for variant in VARIANTS[model_type]
]


# What the oracle says whenever an encoder-decoder of two families is given labels.
NOTICE = "ignore:Version v4.12.0 introduces a better way:FutureWarning"


def marked(case: Case) -> Any:
    """A case as a parameter of a test."""
    return pytest.param(case, id=str(case), marks=[pytest.mark.slow] if case.slow else [])


def arguments(case: Case) -> set[str]:
    return set(case.head.arguments)


def encoder_arguments(case: Case) -> set[str]:
    """What the part takes that reads the tokens, which may be a model of another family."""
    inner = case.config().get("encoder")
    if inner is None:
        return arguments(case)
    head = family(inner["model_type"]).head("base")
    assert head is not None
    return set(head.arguments)


def usual_side(case: Case) -> str:
    """Where the oracle's padding leaves its answer what it is: XLNet sums a row up by its last place."""
    at_start = case.config().get("summary_type") == "first" and "cls_index" not in arguments(case)
    return "left" if case.model_type == "xlnet" and not at_start else "right"


def padded_batch(case: Case, *, side: str | None = None) -> dict[str, torch.Tensor]:
    """Two rows (or two choices of two rows), the second with three places of padding."""
    told, side = side is not None, side or usual_side(case)
    generator = torch.Generator().manual_seed(7)
    config, known = case.config(), arguments(case)
    ids = torch.randint(6, VOCAB, (2, LENGTH), generator=generator)
    mask = torch.ones_like(ids)
    mask[1, 8:] = 0
    for row, (first, last) in enumerate(
        zip(SEPARATED.get(case.head.name, ()), (LENGTH - 1, 7), strict=False)
    ):
        ids[row, [first, first + 1, last]] = 2
    pad = hubformer.AutoConfig.for_model(case.model_type, **config).pad_token_id
    ids[mask == 0] = pad if isinstance(pad, int) else 0
    batch = {"input_ids": ids, "attention_mask": mask}
    if "decoder_input_ids" in known:
        answer = torch.randint(6, VOCAB, ids.shape, generator=generator)
        batch |= {"decoder_input_ids": answer, "decoder_attention_mask": mask}
        if "sequence-classification" in case.head.tasks:  # the last end token stands for a row
            ids[0, -1] = ids[1, 7] = 2
    if "token_type_ids" in known and "token_type_ids" in encoder_arguments(case):
        types = config.get("type_vocab_size", 2) or 2  # a model without types does not read them
        batch["token_type_ids"] = torch.randint(0, types, ids.shape, generator=generator)
    if "langs" in known:
        batch["langs"] = torch.randint(0, config.get("n_langs", 1), ids.shape, generator=generator)
    if "p_mask" in known:  # the oracle finds answers in padding unless it is told not to
        batch["p_mask"] = 1.0 - mask
    if side == "left":
        batch = {name: torch.cat([t[:1], t[1:].roll(3, dims=1)]) for name, t in batch.items()}
    if "cls_index" in known and side == "right" and not told:  # the oracle's is the last place of all
        batch["cls_index"] = torch.tensor([LENGTH - 1, 7])
    if has_choices(case):
        batch = {name: tensor.view(1, 2, LENGTH) for name, tensor in batch.items()}
        if "mc_token_ids" in known:
            batch["mc_token_ids"] = torch.tensor([[LENGTH - 1, 7]])
    return batch


def labelled_batch(case: Case) -> dict[str, torch.Tensor]:
    """A batch with labels. Scores of padding count in the loss of an answer's ends; where the oracle's
    padding stands elsewhere or looks at other padding, it is left out."""
    batch = {**padded_batch(case), **labels(case)}
    own = (*encoders.OWN_PADDING, *encoder_decoders.TINY)
    if case.model_type in own and "start_positions" in batch:
        return {name: tensor[:1] for name, tensor in batch.items()}
    return batch


def has_choices(case: Case) -> bool:
    return "multiple-choice" in case.head.tasks or "mc_token_ids" in arguments(case)


def labels(case: Case) -> dict[str, torch.Tensor]:
    """Labels that make the head give a loss."""
    generator = torch.Generator().manual_seed(11)
    known, tasks = arguments(case), case.head.tasks
    words = torch.randint(6, VOCAB, (2, LENGTH), generator=generator)
    words[0, :3] = -100
    words[1, 8:] = -100
    given: dict[str, torch.Tensor] = {}
    if "p_mask" in known:
        given = {"start_positions": torch.tensor([2, 4]), "end_positions": torch.tensor([4, 6])}
        given |= {"is_impossible": torch.tensor([0.0, 1.0]), "cls_index": torch.tensor([10, 9])}
    elif "start_positions" in known:
        given = {"start_positions": torch.tensor([2, 1]), "end_positions": torch.tensor([4, 3])}
    elif "mc_labels" in known:
        given = {"labels": words.view(1, 2, LENGTH), "mc_labels": torch.tensor([1])}
    elif "multiple-choice" in tasks:
        given = {"labels": torch.tensor([1])}
    elif "next-sentence-prediction" in tasks:
        given = {"labels": torch.tensor([0, 1])}
    elif "sequence-classification" in tasks:
        given = {"labels": torch.tensor([2, 0])}
    elif "token-classification" in tasks:
        given = {"labels": words % 3}
        given["labels"][1, 8:] = -100
    elif case.head.name == "ElectraForPreTraining":
        given = {"labels": words.clamp(min=0) % 2}
    elif "labels" in known:
        given = {"labels": words}
    if "sentence_order_label" in known:
        given["sentence_order_label"] = torch.tensor([0, 1])
    if "next_sentence_label" in known:
        given["next_sentence_label"] = torch.tensor([0, 1])
    return given


assert set(TINY) <= set(FAMILIES)
