"""ELECTRA's pre-training: which tokens were replaced by a generator that is trained beside the model? (Clark
et al. 2020, arXiv:2003.10555)

Documents are concatenated, each with the tokenizer's separator behind it, and cut into rows of equal length;
the remainder at the end of the data is dropped. The tokens that the generator fills in are sampled for each
batch. The result is the discriminator; the generator is kept in a folder inside its own.

Shapes:  B rows  L length  N masked tokens of all rows  V vocabulary
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from hubformer.errors import ConfigError, InputError
from hubformer.metrics.token_sums import StreamedSums, label_sums_by_row, loss_and_accuracy
from hubformer.pretrained import auto as auto_models
from hubformer.recipes.pretraining import Document, Pretraining, concatenated, sample_of
from hubformer.recipes.training_task import Sample
from hubformer.training import ReplacedTokens
from hubformer.training.masking import IGNORED, DataCollatorForLanguageModeling
from hubformer.training.packing import packed_blocks
from hubformer.training.replaced_tokens import check_discriminator

GENERATOR = "generator"  # the folder


@dataclass(frozen=True)
class Options:
    """max_length: of a row, in tokens. mlm_probability: the share of tokens that the generator fills in.
    generator: the name or folder of a pre-trained one; null: it is randomly initialised, with generator_share
    of the discriminator's width. weight: of the discriminator's loss."""

    max_length: int = 128
    mlm_probability: float = 0.15
    generator: str | None = None
    generator_share: float = 0.25
    weight: float = 50.0

    def __post_init__(self) -> None:
        for name in ("mlm_probability", "generator_share"):
            if not 0 < (value := getattr(self, name)) <= 1:
                raise ConfigError(f"options.{name} is {value}, expected a share above 0, up to 1.")
        if self.weight <= 0:
            raise ConfigError(f"options.weight is {self.weight}, expected a number above 0.")


class ReplacedTokenDetection(Pretraining):
    head: ClassVar[str] = "AutoModelForPreTraining"
    Options: ClassVar[type] = Options

    def prepare(self, tokenizer: Any, model: Any) -> None:
        check_discriminator(model)
        super().prepare(tokenizer, model)
        self.collator(tokenizer)  # refuses a tokenizer without a mask token

    def samples(self, documents: Sequence[Document], tokenizer: Any) -> Iterator[Sample]:
        end = tokenizer.sep_token_id if tokenizer.eos_token_id is None else tokenizer.eos_token_id
        whole = ({"input_ids": concatenated(document)} for document in documents)
        for block in packed_blocks(whole, length=self.text_budget(tokenizer), separator=end):
            yield sample_of(tokenizer, block["input_ids"])

    def collator(self, tokenizer: Any) -> Callable[[list[Any]], Any]:
        # As in ELECTRA's training: what is chosen is hidden, but for a share that is to be said again.
        return DataCollatorForLanguageModeling(
            tokenizer,
            mlm_probability=self.options.mlm_probability,
            mask_replace_prob=0.85,
            random_replace_prob=0.0,
        )

    def wrap_model(self, model: Any) -> ReplacedTokens:
        if model.saves_adapters():
            raise InputError(
                "lora freezes the token vectors, which the generator shares and has to change. Leave it out."
            )
        kind = auto_models.AutoModelForMaskedLM
        if self.options.generator is not None:
            generator = kind.from_pretrained(self.options.generator)
        else:
            generator = kind.from_config(_narrower(model.config, share=self.options.generator_share))
        return ReplacedTokens(generator, model, weight=self.options.weight)

    def unwrap_model(self, model: Any, *, folder: Path, tokenizer: Any) -> Any:
        for part in (model.generator, tokenizer):
            part.save_pretrained(folder / GENERATOR)
        return model.discriminator

    def preprocess_logits(self) -> Callable[[Any, Any], Any]:
        return _counted

    def compute_metrics(self) -> Callable[[Any], dict[str, float]]:
        return StreamedSums(_measured)


def _narrower(config: Any, *, share: float) -> Any:
    """The configuration of a generator: as deep, with heads as wide, but only a share of them."""
    heads = max(1, round(config.num_attention_heads * share))
    width = config.hidden_size // config.num_attention_heads
    smaller = type(config)(**{**config.to_dict(), "architectures": None})
    smaller.num_attention_heads, smaller.hidden_size = heads, heads * width
    smaller.intermediate_size = max(1, round(config.intermediate_size * heads / config.num_attention_heads))
    return smaller


def _counted(outputs: tuple[Tensor, ...], labels: Tensor) -> Tensor:
    """outputs: both losses, the generator's scores (N, V), the discriminator's (B, L), what was replaced
    (B, L) -> (B, 9): the sums of the generator's hidden tokens, and of the tokens that are not padding their
    number, the discriminator's losses, how many were judged rightly, were replaced, were taken for replaced,
    and rightly so."""
    _, _, scores, judged, replaced = outputs
    there, truth, said = replaced != IGNORED, replaced == 1, judged > 0
    losses = F.binary_cross_entropy_with_logits(judged.float(), truth.float(), reduction="none") * there
    columns = [there, losses, there & (truth == said), truth, there & said, truth & said]
    return torch.cat(
        [label_sums_by_row(scores, labels), torch.stack([c.float().sum(1) for c in columns], 1)], 1
    )


def _measured(sums: Any) -> dict[str, float]:
    tokens, losses, right, replaced, said, found = (float(value) for value in sums[3:])
    return {
        **loss_and_accuracy(sums, name="mlm"),
        "rtd_loss": losses / max(1.0, tokens),
        "rtd_accuracy": right / max(1.0, tokens),
        "rtd_precision": found / max(1.0, said),
        "rtd_recall": found / max(1.0, replaced),
    }
