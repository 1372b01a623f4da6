"""Specs of heads that encoders and decoders share."""

from __future__ import annotations

from hubformer.models.config import (
    Config,
)
from hubformer.models.heads import HeadSpec, NoHead, TokenHead


def no_pooler(config: Config) -> HeadSpec:
    return NoHead()


def span_head(config: Config) -> HeadSpec:
    return TokenHead(labels=2)
