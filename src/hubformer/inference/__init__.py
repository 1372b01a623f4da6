"""The engine under the pipelines of encoders: rows in, the head's scores out, in order, without padding."""

from hubformer.inference.engine import EncodedInput, Engine, windows

__all__ = ["EncodedInput", "Engine", "windows"]
