"""What example scripts take from v4's `testing_utils`."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from hubformer.compat import verbosity

torch_device = "cuda" if torch.cuda.is_available() else "cpu"


class CaptureLogger:
    """What a logger says inside a `with` block: `with CaptureLogger(logger) as heard: ...; heard.out`."""

    def __init__(self, logger: logging.Logger) -> None:
        self.logger = logger
        self.out = ""
        self._heard = io.StringIO()
        self._handler = logging.StreamHandler(self._heard)

    def __enter__(self) -> CaptureLogger:
        self.logger.addHandler(self._handler)
        return self

    def __exit__(self, *given: object) -> None:
        self.logger.removeHandler(self._handler)
        self.out = self._heard.getvalue()


@contextmanager
def LoggingLevel(level: int) -> Iterator[None]:  # v4's name
    """Another verbosity inside a `with` block."""
    before = verbosity.get_verbosity()
    verbosity.set_verbosity(level)
    try:
        yield
    finally:
        verbosity.set_verbosity(before)
