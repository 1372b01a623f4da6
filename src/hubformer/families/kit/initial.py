"""How most families start fresh weights."""

from __future__ import annotations

from hubformer.models.config import Config
from hubformer.models.initial import Initial, normal_but_row


def normal_initial(config: Config) -> Initial:
    """All weights normal, with a mean of 0 and the standard deviation of `initializer_range`."""
    return Initial(config["initializer_range"])


def zero_padding_initial(config: Config, *, std: str = "initializer_range") -> Initial:
    """All weights normal, and the vector of the padding token 0. std: the field of the standard deviation."""
    spread = config[std]
    fill = normal_but_row(spread, config["pad_token_id"])
    return Initial(spread, ((r"embedding\.tokens\.weight$", fill),))
