"""The engine under the pipelines of encoders: rows in, the head's scores out, in order, without padding."""

from hubformer.inference.engine import Encoded, Engine, windows
from hubformer.inference.progress import Bar

__all__ = ["Bar", "Encoded", "Engine", "windows"]
