"""Texts to one vector each, as the repositories of sentence-transformers describe it."""

from hubformer.sentences.encoder import SentenceEncoder
from hubformer.sentences.similarity import similarity

__all__ = ["SentenceEncoder", "similarity"]
