"""A spec refuses what it would not compute."""

from __future__ import annotations

import pytest

from hubformer.core import AttentionSpec, FeedForward, LayerNorm, Norms
from hubformer.core.blockwise import BlockAttentionSpec, Blocks
from hubformer.core.parallel import ParallelSpec
from hubformer.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "value"),
    [("causal", True), ("window", 3), ("softcap", 3.0), ("kv_heads", 1), ("qk_norm", LayerNorm())],
)
def test_attention_by_blocks_follows_no_other_limit(name: str, value: object) -> None:
    position = Blocks(size=2, drawn=1, longest=16)
    BlockAttentionSpec(2, 4, position=position).build(8)
    with pytest.raises(ConfigError, match=f"{name}="):
        BlockAttentionSpec(2, 4, position=position, **{name: value}).build(8)  # type: ignore[arg-type]


def test_a_parallel_layer_has_no_cross_attention() -> None:
    attention = AttentionSpec(2, 4)
    layer = ParallelSpec(attention, FeedForward(8), Norms(before=LayerNorm()), cross_attention=attention)
    with pytest.raises(ConfigError, match="never run"):
        layer.build(8)
