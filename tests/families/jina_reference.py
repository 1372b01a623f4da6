"""JinaBERT in plain PyTorch, from the paper (Günther et al. 2023, arXiv:2310.19923) and its files' names.

transformers has no such class: its code stands in the repositories of the models. This is what the tests of
families hold ours against, in the place of transformers. It is written apart from hubformer, step by step.

Shapes:  B rows  L length  M model width  H heads  D head width
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

CODE = {False: "jinaai/jina-bert-implementation", True: "jinaai/jina-bert-v2-qk-post-norm"}
ALIASES = ("cls.predictions.decoder.weight", "cls.predictions.decoder.bias")


class JinaBertConfig:
    """What the code of the repositories starts from, but for the tests' word for its second kind."""

    def __init__(self, *, attn_implementation: str | None = None, **values: Any) -> None:
        self.values: dict[str, Any] = {
            "vocab_size": 30522,
            "hidden_size": 768,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "intermediate_size": 3072,
            "hidden_act": "gelu",
            "hidden_dropout_prob": 0.1,
            "attention_probs_dropout_prob": 0.1,
            "max_position_embeddings": 512,
            "type_vocab_size": 2,
            "initializer_range": 0.02,
            "layer_norm_eps": 1e-12,
            "pad_token_id": 0,
            "position_embedding_type": "absolute",
            "use_cache": True,
            "classifier_dropout": None,
            "feed_forward_type": "original",
            "emb_pooler": None,
            "num_labels": 2,
            "tie_word_embeddings": True,
            "qk_post_norm": False,
            **values,
        }

    def __getattr__(self, name: str) -> Any:
        if name == "values" or name not in self.values:
            raise AttributeError(name)
        return self.values[name]

    def to_dict(self) -> dict[str, Any]:
        return dict(self.values)

    def filed(self, architecture: str) -> dict[str, Any]:
        """As published: the kind is told by the place of the code alone."""
        values = {name: value for name, value in self.values.items() if name != "qk_post_norm"}
        code = CODE[self.qk_post_norm]
        places = {
            "AutoConfig": "configuration_bert.JinaBertConfig",
            "AutoModel": "modeling_bert.JinaBertModel",
        }
        return {
            **values,
            "_name_or_path": code,
            "architectures": [architecture],
            "auto_map": {name: f"{code}--{place}" for name, place in places.items()},
            "attn_implementation": "torch",
            "feed_forward_type": values["feed_forward_type"].replace("original", "geglu"),
            "model_type": "bert",
            "position_embedding_type": "alibi",
        }

    @staticmethod
    def read(folder: Path) -> JinaBertConfig:
        values = json.loads((folder / "config.json").read_text())
        second = CODE[True] in json.dumps(values.get("auto_map", {})) or values.get("qk_post_norm", False)
        labels = len(values["id2label"]) if "id2label" in values else values.get("num_labels", 2)
        return JinaBertConfig(**{**values, "qk_post_norm": second, "num_labels": labels})


class Module(nn.Module):
    """A module with parameters under the names of files, and how they are saved and read."""

    config_class: ClassVar[type] = JinaBertConfig

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = False
    ) -> Iterator[tuple[str, nn.Parameter]]:
        """By each of its names, where a parameter has two."""
        return super().named_parameters(prefix, recurse, remove_duplicate)

    def start(self, config: JinaBertConfig) -> None:
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                module.weight.data.normal_(0.0, config.initializer_range)
            if isinstance(module, nn.Linear) and module.bias is not None:
                module.bias.data.zero_()
        for module in self.modules():  # last, as the scores of a vocabulary may be tied to it
            if isinstance(module, nn.Embedding) and module.padding_idx is not None:
                module.weight.data[module.padding_idx] = 0.0

    def save_pretrained(self, folder: Path) -> None:
        left_out = ALIASES if self.config.tie_word_embeddings else ()
        weights = {n: t.clone() for n, t in self.state_dict().items() if n not in left_out}
        save_file(weights, folder / "model.safetensors", {"format": "pt"})
        (folder / "config.json").write_text(json.dumps(self.config.filed(type(self).__name__)))

    @classmethod
    def from_pretrained(cls, folder: Path, *, config: Any = None, **options: Any) -> Any:
        model = cls(config or JinaBertConfig.read(folder))
        missing, unknown = model.load_state_dict(load_file(folder / "model.safetensors"), strict=False)
        assert not unknown
        assert set(missing) <= set(ALIASES)
        return model.eval()


def slopes(heads: int) -> list[float]:
    """Press et al. 2021 (arXiv:2108.12409): a geometric row, completed from that of twice as many heads."""
    below = 1
    while below * 2 <= heads:
        below *= 2
    found = [2.0 ** (-8.0 * (i + 1) / below) for i in range(below)]
    return found + [2.0 ** (-8.0 * (i + 1) / (2 * below)) for i in range(0, 2 * below, 2)][: heads - below]


def falling(heads: int, length: int) -> Tensor:
    """-slope * |i - j|, (H, L, L), in float32 as in the repositories."""
    steep = torch.tensor(slopes(heads), dtype=torch.float32)
    bias = torch.empty(heads, length, length)
    for i in range(length):
        for j in range(length):
            bias[:, i, j] = -steep * abs(i - j)
    return bias


class SelfAttention(Module):
    def __init__(self, config: JinaBertConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.config = config
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        if config.qk_post_norm:
            self.layer_norm_q = nn.LayerNorm(width, eps=config.layer_norm_eps)
            self.layer_norm_k = nn.LayerNorm(width, eps=config.layer_norm_eps)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, L, M), mask (B, L) -> (B, L, M) and the weights (B, H, L, L)"""
        q, k, v = self.query(x), self.key(x), self.value(x)
        if self.config.qk_post_norm:
            q, k = self.layer_norm_q(q), self.layer_norm_k(k)
        heads = self.config.num_attention_heads
        each, weights = x.shape[-1] // heads, []
        bias = falling(heads, x.shape[1]).to(x.dtype)
        for h in range(heads):
            part = slice(h * each, (h + 1) * each)
            scores = q[..., part] @ k[..., part].transpose(1, 2) / each**0.5 + bias[h]
            weights.append(scores.masked_fill(~mask[:, None].bool(), -1e30).softmax(-1))
        rate = self.config.attention_probs_dropout_prob
        dropped = F.dropout(torch.stack(weights, dim=1), rate, self.training)
        mixed = [dropped[:, h] @ v[..., h * each : (h + 1) * each] for h in range(heads)]
        return torch.cat(mixed, dim=-1), dropped


class SelfOutput(Module):
    def __init__(self, config: JinaBertConfig) -> None:
        super().__init__()
        self.rate = config.hidden_dropout_prob
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, y: Tensor, x: Tensor) -> Tensor:
        out: Tensor = self.LayerNorm(x + F.dropout(self.dense(y), self.rate, self.training))
        return out


class Attention(Module):
    def __init__(self, config: JinaBertConfig) -> None:
        super().__init__()
        self.self = SelfAttention(config)
        self.output = SelfOutput(config)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        y, weights = self.self(x, mask)
        return self.output(y, x), weights


class Gated(Module):
    """The first kind opens by the first half and has its residual inside; the second, by the second half."""

    def __init__(self, config: JinaBertConfig) -> None:
        super().__init__()
        width, inner = config.hidden_size, config.intermediate_size
        self.config = config
        if config.qk_post_norm:
            self.up_gated_layer = nn.Linear(width, 2 * inner, bias=False)
            self.down_layer = nn.Linear(inner, width)
        else:
            self.gated_layers = nn.Linear(width, 2 * inner, bias=False)
            self.wo = nn.Linear(inner, width)
            self.layernorm = nn.LayerNorm(width, eps=config.layer_norm_eps)

    def forward(self, x: Tensor) -> Tensor:
        config, inner = self.config, self.config.intermediate_size
        act = F.relu if config.feed_forward_type == "reglu" else F.gelu
        rate = config.hidden_dropout_prob
        out: Tensor
        if config.qk_post_norm:
            both = self.up_gated_layer(x)
            out = self.down_layer(F.dropout(both[..., :inner] * act(both[..., inner:]), rate, self.training))
        else:
            both = self.gated_layers(x)
            y = self.wo(F.dropout(act(both[..., :inner]) * both[..., inner:], rate, self.training))
            out = self.layernorm(x + y)
        return out


class Layer(Module):
    def __init__(self, config: JinaBertConfig) -> None:
        super().__init__()
        self.config = config
        self.attention, self.mlp = Attention(config), Gated(config)
        if config.qk_post_norm:
            self.layer_norm_1, self.layer_norm_2 = (
                nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps) for _ in range(2)
            )

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        y, weights = self.attention(x, mask)
        if not self.config.qk_post_norm:
            return self.mlp(y), weights
        x = self.layer_norm_1(x + y)
        return self.layer_norm_2(x + self.mlp(x)), weights


class Embeddings(Module):
    def __init__(self, config: JinaBertConfig) -> None:
        super().__init__()
        self.rate = config.hidden_dropout_prob
        self.word_embeddings = nn.Embedding(
            config.vocab_size, config.hidden_size, padding_idx=config.pad_token_id
        )
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, ids: Tensor, types: Tensor | None) -> Tensor:
        types = torch.zeros_like(ids) if types is None else types
        x = self.LayerNorm(self.word_embeddings(ids) + self.token_type_embeddings(types))
        return F.dropout(x, self.rate, self.training)


class Encoder(Module):
    def __init__(self, config: JinaBertConfig) -> None:
        super().__init__()
        self.layer = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))


class Pooler(Module):
    def __init__(self, config: JinaBertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)


class Transform(Module):
    def __init__(self, config: JinaBertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)


class Predictions(Module):
    def __init__(self, config: JinaBertConfig, vectors: nn.Parameter) -> None:
        super().__init__()
        self.transform = Transform(config)
        self.decoder = nn.Linear(config.hidden_size, config.vocab_size)
        self.bias = self.decoder.bias
        if config.tie_word_embeddings:
            self.decoder.weight = vectors
        self.act = {"gelu": F.gelu, "relu": F.relu, "silu": F.silu}[config.hidden_act]

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.decoder(self.transform.LayerNorm(self.act(self.transform.dense(x))))
        return scores


class Head(Module):
    def __init__(self, config: JinaBertConfig, vectors: nn.Parameter) -> None:
        super().__init__()
        self.predictions = Predictions(config, vectors)


Outputs = dict[str, Any]


class JinaBertModel(Module):
    def __init__(self, config: JinaBertConfig, *, pooler: bool = True) -> None:
        super().__init__()
        self.config = config
        self.embeddings, self.encoder = Embeddings(config), Encoder(config)
        if pooler:
            self.pooler = Pooler(config)
        self.start(config)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        output_attentions: bool = False,
        output_hidden_states: bool = False,
    ) -> Outputs:
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        x = self.embeddings(input_ids, token_type_ids)
        states, attentions = [x], []
        for layer in self.encoder.layer:
            x, weights = layer(x, mask)
            states.append(x)
            attentions.append(weights)
        found: Outputs = {"last_hidden_state": x}
        if hasattr(self, "pooler"):
            found["pooler_output"] = self.pooler.dense(x[:, 0]).tanh()
        if output_hidden_states:
            found["hidden_states"] = tuple(states)
        if output_attentions:
            found["attentions"] = tuple(attentions)
        return found


class WithHead(Module):
    pooled = False

    def __init__(self, config: JinaBertConfig) -> None:
        super().__init__()
        self.config = config
        self.bert = JinaBertModel(config, pooler=self.pooled)
        self.add(config)
        self.start(config)

    def add(self, config: JinaBertConfig) -> None:
        raise NotImplementedError

    def dropped(self, x: Tensor) -> Tensor:
        own = self.config.classifier_dropout
        return F.dropout(x, self.config.hidden_dropout_prob if own is None else own, self.training)

    def read(self, batch: dict[str, Any]) -> tuple[Tensor, Outputs]:
        """What the head reads, and what is handed on."""
        found = self.bert(**batch)
        states = found.pop("last_hidden_state")
        return found.pop("pooler_output", states), found


class JinaBertForMaskedLM(WithHead):
    def add(self, config: JinaBertConfig) -> None:
        self.cls = Head(config, self.bert.embeddings.word_embeddings.weight)

    def forward(self, labels: Tensor | None = None, **batch: Any) -> Outputs:
        states, found = self.read(batch)
        scores = self.cls.predictions(states)
        if labels is not None:
            found["loss"] = F.cross_entropy(scores.flatten(0, 1), labels.flatten())
        return {"logits": scores, **found}


class JinaBertForSequenceClassification(WithHead):
    pooled = True

    def add(self, config: JinaBertConfig) -> None:
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)

    def forward(self, labels: Tensor | None = None, **batch: Any) -> Outputs:
        vector, found = self.read(batch)
        scores = self.classifier(self.dropped(vector))
        if labels is not None:
            found["loss"] = F.cross_entropy(scores, labels)
        return {"logits": scores, **found}


class JinaBertForMultipleChoice(WithHead):
    pooled = True

    def add(self, config: JinaBertConfig) -> None:
        self.classifier = nn.Linear(config.hidden_size, 1)

    def forward(self, input_ids: Tensor, labels: Tensor | None = None, **batch: Any) -> Outputs:
        flat = {n: t.flatten(0, 1) if isinstance(t, Tensor) else t for n, t in batch.items()}
        vector, found = self.read({"input_ids": input_ids.flatten(0, 1), **flat})
        scores = self.classifier(self.dropped(vector)).view(-1, input_ids.shape[1])
        if labels is not None:
            found["loss"] = F.cross_entropy(scores, labels)
        return {"logits": scores, **found}


class JinaBertForTokenClassification(WithHead):
    def add(self, config: JinaBertConfig) -> None:
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)

    def forward(self, labels: Tensor | None = None, **batch: Any) -> Outputs:
        states, found = self.read(batch)
        scores = self.classifier(self.dropped(states))
        if labels is not None:
            found["loss"] = F.cross_entropy(scores.flatten(0, 1), labels.flatten())
        return {"logits": scores, **found}


class JinaBertForQuestionAnswering(WithHead):
    def add(self, config: JinaBertConfig) -> None:
        self.qa_outputs = nn.Linear(config.hidden_size, 2)

    def forward(
        self, start_positions: Tensor | None = None, end_positions: Tensor | None = None, **batch: Any
    ) -> Outputs:
        states, found = self.read(batch)
        starts, ends = self.qa_outputs(states).unbind(-1)
        if start_positions is not None and end_positions is not None:
            found["loss"] = (
                F.cross_entropy(starts, start_positions) + F.cross_entropy(ends, end_positions)
            ) / 2
        return {"start_logits": starts, "end_logits": ends, **found}
