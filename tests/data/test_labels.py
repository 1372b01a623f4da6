from __future__ import annotations

from typing import Any

import numpy
import pytest
import torch

from hubformer.data import Labels
from hubformer.errors import InputError

MODEL = Labels(["NEGATIVE", "POSITIVE"])


@pytest.mark.parametrize(
    "value", ["POSITIVE", "positive", " Positive ", 1, "1", 1.0, numpy.int64(1), torch.tensor(1), True]
)
def test_by_name_or_number(value: Any) -> None:
    assert MODEL.index(value, "x") == 1


@pytest.mark.parametrize("value", ["positve", 2, "2", -1, 0.5, None, "", float("nan")])
def test_others_are_refused(value: Any) -> None:
    with pytest.raises(InputError, match=r"Record 3 is .*NEGATIVE, POSITIVE, or their numbers from 0 to 1"):
        MODEL.index(value, "Record 3")


def test_the_nearest_is_named() -> None:
    with pytest.raises(InputError, match=r"Did you mean 'POSITIVE'"):
        MODEL.index("POSITVE", "x")


def test_renamed() -> None:
    labels = Labels(["LABEL_0", "LABEL_1"], renamed={"pos": "LABEL_1", 0: "LABEL_0"})
    assert (labels.index("pos", "x"), labels.index(0, "x"), labels.index("0", "x")) == (1, 0, 0)
    with pytest.raises(InputError, match=r"those that labels= maps: pos, 0"):
        labels.index("1", "x")
    with pytest.raises(InputError, match=r"'LABEL_2', which the model does not have"):
        Labels(["LABEL_0", "LABEL_1"], renamed={"pos": "LABEL_2"})


def test_numbers_that_are_names_of_others_are_never_guessed() -> None:
    stars = Labels(["1", "2", "3"])
    assert stars.index("3", "x") == 2
    assert stars.index("1", "x") == 0
    with pytest.raises(InputError, match=r"may be"):
        stars.index(1, "x")
    assert Labels(["0", "1"]).index(1, "x") == 1
    with pytest.raises(InputError, match=r"different names"):
        Labels(["a", "a"])
    twins = Labels(["a", "A"])
    assert (twins.index("a", "x"), twins.index("A", "x")) == (0, 1)
    with pytest.raises(InputError, match=r"'AB', expected one of ab, Ab"):
        Labels(["ab", "Ab"]).index("AB", "x")
