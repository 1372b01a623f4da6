"""Parts of an embedding go together: where places are counted from says nothing of norms or token types."""

from __future__ import annotations

import itertools

import pytest
import torch

from hubformer.core import LayerNorm
from hubformer.models.embeddings import TokenEmbedding

IDS = torch.tensor([[5, 6, 7]])
AT = torch.arange(3)[None]


@pytest.mark.parametrize(
    ("normed", "typing"), list(itertools.product(["sum", "tokens"], ["tokens", "unread"]))
)
def test_the_first_position_counts_whatever_else_is_said(normed: str, typing: str) -> None:
    torch.manual_seed(0)
    spec = TokenEmbedding(
        vocab=9,
        width=4,
        positions=8,
        first_position=2,
        padding=1,
        norm=LayerNorm(),
        normed=normed,
        typing=typing,
    )  # type: ignore[arg-type]
    embedding = spec.build(4)
    tokens, places = embedding.tokens(IDS), embedding.positions(AT + 2)
    expected = embedding.norm(tokens) + places if normed == "tokens" else embedding.norm(tokens + places)
    torch.testing.assert_close(embedding(IDS, at=AT), expected)
    padded = embedding(IDS, at=AT, valid=torch.tensor([[True, True, False]]))
    assert not torch.allclose(padded[0, 2], expected[0, 2])
    assert torch.equal(padded[0, :2], embedding(IDS, at=AT)[0, :2])


def test_types_that_are_not_read_change_nothing() -> None:
    types = torch.tensor([[1, 2, 3]])
    read, unread = (
        TokenEmbedding(vocab=9, width=4, typing=typing).build(4) for typing in ("tokens", "unread")
    )
    assert torch.equal(unread(IDS, at=AT, types=types), unread(IDS, at=AT))
    assert not torch.equal(read(IDS, at=AT, types=types), read(IDS, at=AT))
