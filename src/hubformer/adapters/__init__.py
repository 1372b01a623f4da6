"""Low-rank adapters (LoRA; Hu et al. 2021, arXiv:2106.09685), in the format of the `peft` package.

A user names modules as the Hub does. The weight map says which of our Linears compute them: one A for the
inputs, and a B that goes through the row's Change, so that a fused projection of the Hub is one adapter here
too. `config` is what is asked for, `sites` finds where, `lora` multiplies, `adapters` switches, `files` reads
and writes.
"""

from hubformer.adapters.adapters import Adapter, Adapters, adapters_of
from hubformer.adapters.config import LoraConfig
from hubformer.adapters.lora import LowRank

__all__ = ["Adapter", "Adapters", "LoraConfig", "LowRank", "adapters_of"]
