"""Ids to states.

Shapes:  B rows  L length  E embedding width  M model width
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from hubformer.core import Dropout, Embedding, Linear, NormSpec
from hubformer.errors import ConfigError


@dataclass(frozen=True)
class TokenEmbedding:
    """Token vectors, plus learned positions and token types where a family has them."""

    vocab: int
    width: int
    positions: int = 0  # rows of the table of learned absolute positions; 0: none
    first_position: int = 0  # RoBERTa counts from pad_token_id + 1
    # "fixed": added, never trained (sinusoids). "unread": kept for the file, where places are told otherwise.
    # "waves" and "fairseq waves": sinusoids that are in no file.
    placing: Literal["learned", "fixed", "unread", "waves", "fairseq waves"] = "learned"
    padding: int | None = None  # the token, and the position, whose vector does not learn from being read
    padding_learns: bool = False  # whether that position does, all the same (OPT's)
    types: int = 0
    typing: Literal["tokens", "unread"] = "tokens"  # where types are looked up that have no table (GPT-2)
    languages: int = 0  # rows of the table of languages; without one, what is said of them is not read (XLM)
    # Token vectors of another width than the stack's are projected last, or, as OPT's, before positions are
    # added, or before the norm, as DeBERTa's. "always": last, also where the widths agree (ALBERT).
    projected: Literal["last", "first", "summed", "always"] = "last"
    norm: NormSpec | None = None
    normed: Literal["sum", "tokens"] = "sum"  # "tokens": positions come after the norm (Blenderbot small)
    factor: float = 1.0  # Gemma multiplies by sqrt(width)
    dropout: float = 0.0
    dropped: Literal["last", "summed"] = "last"  # "summed": before the norm (BigBird)

    @property
    def longest(self) -> int | None:
        """The most tokens a row may have; None: any number."""
        return self.positions - self.first_position if self.positions else None

    def build(self, width: int) -> TokenEmbeddings:
        return TokenEmbeddings(self, width)


class TokenEmbeddings(nn.Module):
    """Token ids (B, L), or vectors (B, L, E) in their place -> (B, L, M)"""

    def __init__(self, spec: TokenEmbedding, width: int) -> None:
        super().__init__()
        self.spec, padding = spec, _row(spec.padding, of=spec.vocab)
        self.tokens = Embedding(spec.vocab, spec.width, padding_idx=padding)
        unused = padding if spec.first_position and not spec.padding_learns else None
        narrow = spec.projected if spec.width != width else None
        placed = width if narrow == "first" else spec.width
        self.enter = Linear(spec.width, width, bias=False) if narrow == "first" else nn.Identity()
        self.widen = Linear(spec.width, width, bias=False) if narrow == "summed" else nn.Identity()
        self.positions: nn.Module | None = None
        if spec.positions and spec.placing in WAVES:
            self.positions = _Waves(placed, rate=WAVES[spec.placing])
        elif spec.positions:
            self.positions = Embedding(spec.positions, placed, padding_idx=unused)
            self.positions.weight.requires_grad_(spec.placing != "fixed")
        self.types = Embedding(spec.types, spec.width) if spec.types else None
        self.languages = Embedding(spec.languages, spec.width) if spec.languages else None
        self.weigh = nn.Identity() if spec.factor == 1.0 else _Weigh(spec.factor)
        self.norm = (
            spec.norm.build(width if narrow == "summed" else spec.width) if spec.norm else nn.Identity()
        )
        last = narrow == "last" or spec.projected == "always"
        self.project = Linear(spec.width, width) if last else nn.Identity()
        summed = {"last": 0.0, "summed": spec.dropout}[spec.dropped]
        self.first_dropout, self.dropout = Dropout(summed), Dropout(spec.dropout - summed)

    def forward(
        self,
        ids: Tensor,
        *,
        at: Tensor,
        rows: Tensor | None = None,
        types: Tensor | None = None,
        valid: Tensor | None = None,
        languages: Tensor | None = None,
    ) -> Tensor:
        """at (B|1, L): each token's place. rows (B|1, L): the rows of the position table, said outright.
        valid (B, L) bool: False is padding. languages (B, L): where they are not said, none is added."""
        x = ids if ids.is_floating_point() else self.tokens(ids)
        x = self.enter(self.weigh(x))
        if self.types is not None:
            x = x + self.types(torch.zeros_like(x[..., 0], dtype=torch.long) if types is None else types)
        elif types is not None and self.spec.typing == "tokens":
            x = x + self.tokens(types)
        if self.languages is not None and languages is not None:
            x = x + self.languages(languages)
        if self.spec.normed == "tokens":
            x = self.norm(x)
        if self.positions is not None and self.spec.placing != "unread":
            # Last, as in v4: then float32 sums round alike.
            rows = self.rows(at, valid=valid) if rows is None else rows
            x = x + self.positions(rows).to(x.dtype)
        if self.spec.normed == "sum":
            x = self.norm(self.first_dropout(self.widen(x)))
        out: Tensor = self.project(self.dropout(x))
        return out

    def rows(self, at: Tensor, *, valid: Tensor | None) -> Tensor:
        """The rows of the position table for these places. Where the first row is not the first place,
        padding has the row before it, and takes no part in training the others."""
        first = self.spec.first_position
        if not first:
            return at
        rows = at + first
        return rows if valid is None else rows.where(valid, first - 1)


def _vaswani(half: int) -> Tensor:
    """Rates of the waves of Vaswani et al. 2017 (arXiv:1706.03762)."""
    return 10_000 ** (-torch.arange(half, dtype=torch.float64) / half)


def _fairseq(half: int) -> Tensor:
    """Those of fairseq, whose last is a ten-thousandth; its models were trained with this rounding."""
    return torch.exp(torch.arange(half).float() * -(math.log(10_000) / (half - 1)))


WAVES = {"waves": _vaswani, "fairseq waves": _fairseq}


class _Waves(nn.Module):
    """Places (B|1, L) -> sines, then cosines (B|1, L, E), in float32"""

    def __init__(self, width: int, *, rate: Callable[[int], Tensor]) -> None:
        super().__init__()
        self.pairs, self.rate = width // 2, rate

    def forward(self, at: Tensor) -> Tensor:
        rate = self.rate(self.pairs).to(at.device)
        angle = at[..., None].to(rate.dtype) * rate
        return torch.cat([angle.sin(), angle.cos()], dim=-1).float()


class _Weigh(nn.Module):
    """By the factor as the states' precision holds it: Gemma was trained so."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.tensor(self.factor, dtype=x.dtype, device=x.device)


def _row(padding: int | None, *, of: int) -> int | None:
    if padding is not None and (not isinstance(padding, int) or padding >= of):
        raise ConfigError(
            f"pad_token_id is {padding}, expected 0 to {of - 1}: the vocabulary has {of} entries."
        )
    return None if padding is None or padding < 0 else padding
