"""The engine under pipelines and embeddings: samples in, the head's logits out, in order, without padding."""

from hubformer.inference.batcher import TextBatcher
from hubformer.inference.engine import EncodedInput, Engine, chunks

__all__ = ["EncodedInput", "Engine", "TextBatcher", "chunks"]
