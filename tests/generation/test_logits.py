"""Each rule on scores that are written out, and beside padding."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest
import torch
from torch import Tensor

from hubformer.errors import InputError
from hubformer.generation import logits as rules
from hubformer.generation.stopping import EndToken, MaxLength, stopped
from telling import distance

IDS = torch.tensor([[7, 3, 5, 3, 5], [7, 7, 7, 4, 7]])  # 7 pads the second row, and is written by it too
STARTS = torch.tensor([0, 3])
SCORES = torch.tensor([[0.5, -1.0, 2.0, 1.0, -2.0, 3.0, 0.0, 4.0]]).repeat(2, 1)


@pytest.mark.parametrize(
    "rule",
    [
        lambda starts: rules.RepetitionPenalty(1.5, starts),
        lambda starts: rules.NoRepeat(1, starts),
        lambda starts: rules.NoRepeat(2, starts),
        lambda starts: rules.NoRepeat(3, starts),
        lambda starts: rules.BadWords(((7, 7, 4, 7, 2), (4, 7, 3), (7, 4, 7, 5), (6,)), starts),
    ],
)
def test_padding_says_nothing(rule: Any) -> None:
    for ids in (IDS, torch.tensor([[7, 3, 5, 3, 5], [7, 7, 7, 4, 6]])):
        together = rule(STARTS)(ids, SCORES)
        alone = [rule(None)(ids[i : i + 1, start:], SCORES[:1]) for i, start in enumerate(STARTS)]
        assert torch.equal(together, torch.cat(alone))


def shut(scores: Tensor) -> list[set[int]]:
    return [set((row == -inf).nonzero()[:, 0].tolist()) for row in scores]


def test_repetition() -> None:
    found = rules.RepetitionPenalty(2.0)(torch.tensor([[4, 5, 5, 0]]), SCORES[:1])
    assert found.tolist() == [[0.25, -1.0, 2.0, 1.0, -4.0, 1.5, 0.0, 4.0]]


def test_sequences() -> None:
    assert shut(rules.NoRepeat(2)(IDS, SCORES)) == [{3}, {7, 4}]
    assert shut(rules.NoRepeat(9)(IDS, SCORES)) == [set(), set()]
    assert shut(rules.BadWords(((5, 1), (4, 7, 2), (0,)))(IDS, SCORES)) == [{0, 1}, {0, 2}]
    # A sequence may begin with the very first token.
    assert shut(rules.BadWords(((7, 3),))(IDS[:1, :1], SCORES[:1])) == [{3}]
    with pytest.raises(InputError, match="the vocabulary has 8 entries"):
        rules.BadWords(((8,),))(IDS, SCORES)


def test_cuts() -> None:
    assert shut(rules.TopK(2)(IDS, SCORES))[0] == {0, 1, 2, 3, 4, 6}
    assert shut(rules.TopK(100)(IDS, SCORES))[0] == set()
    assert shut(rules.TopP(1e-6)(IDS, SCORES))[0] == set(range(7))
    assert shut(rules.TopP(1e-6, at_least=3)(IDS, SCORES))[0] == {0, 1, 3, 4, 6}
    assert shut(rules.TopP(1.0)(IDS, SCORES))[0] == set()
    assert shut(rules.MinP(0.3)(IDS, SCORES))[0] == {0, 1, 2, 3, 4, 6}
    assert shut(rules.MinP(1.0, at_least=2)(IDS, SCORES))[0] == {0, 1, 2, 3, 4, 6}
    level = torch.tensor([[1.0, 1.0, 1.0, 0.0]])
    assert shut(rules.TopK(2)(IDS[:1], level)) == [{3}]  # as likely as the last


def test_ends_come_late_enough() -> None:
    assert shut(rules.MinLength((2, 3, 99), 6)(IDS, SCORES)) == [{2, 3}, {2, 3}]
    assert shut(rules.MinLength((2,), 5)(IDS, SCORES)) == [set(), set()]


def test_scores_are_looked_at() -> None:
    assert torch.equal(rules.changed(SCORES, ids=IDS, rules=[rules.Temperature(0.5)]), SCORES * 2)
    assert distance(rules.Normalise()(IDS, SCORES).exp().sum(-1), torch.ones(2)) <= 1e-6
    shut_in = SCORES.masked_fill(SCORES < 9, -inf)
    with pytest.raises(InputError, match="every next token of a row is forbidden"):
        rules.changed(SCORES, ids=IDS, rules=[lambda ids, scores: shut_in])
    for bad in (float("nan"), inf):
        with pytest.raises(InputError, match="infinite after 5 tokens"):
            rules.changed(SCORES.index_fill(1, torch.tensor([3]), bad), ids=IDS, rules=[])


def test_any_rule_stops_a_row() -> None:
    assert stopped(IDS, None, rules=[EndToken((5, 9)), MaxLength(6)]).tolist() == [True, False]
    assert stopped(IDS, None, rules=[MaxLength(5)]).tolist() == [True, True]
    assert stopped(IDS, None, rules=[lambda ids, scores: torch.tensor([False, True])]).tolist() == [
        False,
        True,
    ]
    assert stopped(IDS, None, rules=[lambda ids, scores: False]).tolist() == [False, False]
