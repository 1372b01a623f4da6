"""Texts to one vector each, as the repositories of sentence-transformers describe it."""

from hubformer.embeddings.encoder import SentenceEncoder
from hubformer.embeddings.similarity import similarity

__all__ = ["SentenceEncoder", "similarity"]
