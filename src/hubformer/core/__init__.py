"""One Transformer core, composed from small frozen specs. It knows no family, no file and no Hub.

A family is written in the words exported here: it hands specs to specs and calls `build` once. A new kind
of position, norm, feed-forward or block is a new spec in an existing slot; nothing in this room changes.
"""

from hubformer.core.activations import ACTIVATIONS
from hubformer.core.alibi import Alibi
from hubformer.core.attention import Attention, AttentionSpec
from hubformer.core.blocks import Block, EncoderStates, LayerSpec
from hubformer.core.blockwise import BlockAttentionSpec, Blocks
from hubformer.core.buckets import Buckets
from hubformer.core.cache import Cache, LayerCache
from hubformer.core.disentangled import Disentangled
from hubformer.core.dropout import Dropout
from hubformer.core.experts import MixtureOfExperts
from hubformer.core.feed_forward import FeedForward
from hubformer.core.layout import AnyLayout, PackedLayout, SequenceLayout
from hubformer.core.linear import Embedding, Linear, Replacement
from hubformer.core.norms import LayerNorm, Norms, NormSpec, RMSNorm
from hubformer.core.parallel import ParallelSpec
from hubformer.core.positions import NoPosition, PositionSpec, Relative, TransformerXL
from hubformer.core.rotary import Rotary
from hubformer.core.stack import Stack, StackSpec
from hubformer.core.trace import Trace
from hubformer.core.windowed import SlidingAttentionSpec, Window

__all__ = [
    "ACTIVATIONS",
    "Alibi",
    "AnyLayout",
    "Attention",
    "AttentionSpec",
    "Block",
    "BlockAttentionSpec",
    "Blocks",
    "Buckets",
    "Cache",
    "Disentangled",
    "Dropout",
    "Embedding",
    "EncoderStates",
    "FeedForward",
    "LayerCache",
    "LayerNorm",
    "LayerSpec",
    "Linear",
    "MixtureOfExperts",
    "NoPosition",
    "NormSpec",
    "Norms",
    "PackedLayout",
    "ParallelSpec",
    "PositionSpec",
    "RMSNorm",
    "Relative",
    "Replacement",
    "Rotary",
    "SequenceLayout",
    "SlidingAttentionSpec",
    "Stack",
    "StackSpec",
    "Trace",
    "TransformerXL",
    "Window",
]
