"""`hubformer.logging`: how much hubformer writes, by v4's names, through Python's logging."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Iterable
from functools import cache
from logging import CRITICAL, DEBUG, ERROR, FATAL, INFO, NOTSET, WARN, WARNING
from typing import Any

from hubformer import progress

log_levels = {
    "detail": DEBUG,
    "debug": DEBUG,
    "info": INFO,
    "warning": WARNING,
    "error": ERROR,
    "critical": CRITICAL,
}
_LIBRARIES = ("hubformer", "transformers")  # the second: loggers of code that runs on us as transformers
_lock = threading.Lock()
_handler: logging.Handler | None = None


def get_logger(name: str | None = None) -> logging.Logger:
    """The logger of that name, hubformer's without one; also `logger.warning_once(...)`."""
    _set_up()
    return _Logger.of(name or _LIBRARIES[0])


def get_verbosity() -> int:
    _set_up()
    return logging.getLogger(_LIBRARIES[0]).getEffectiveLevel()


def set_verbosity(verbosity: int) -> None:
    _set_up()
    for library in _LIBRARIES:
        logging.getLogger(library).setLevel(verbosity)


def set_verbosity_debug() -> None:
    set_verbosity(DEBUG)


def set_verbosity_info() -> None:
    set_verbosity(INFO)


def set_verbosity_warning() -> None:
    set_verbosity(WARNING)


def set_verbosity_error() -> None:
    set_verbosity(ERROR)


def get_log_levels_dict() -> dict[str, int]:
    return log_levels


def enable_default_handler() -> None:
    add_handler(_default_handler())


def disable_default_handler() -> None:
    remove_handler(_default_handler())


def add_handler(handler: logging.Handler) -> None:
    _set_up()
    for library in _LIBRARIES:
        logging.getLogger(library).addHandler(handler)


def remove_handler(handler: logging.Handler) -> None:
    _set_up()
    for library in _LIBRARIES:
        logging.getLogger(library).removeHandler(handler)


def enable_propagation() -> None:
    """Hand messages on to the root logger as well."""
    _propagate(True)


def disable_propagation() -> None:
    _propagate(False)


def enable_explicit_format() -> None:
    """Level, file, line and time before each message."""
    _format(logging.Formatter("[%(levelname)s|%(filename)s:%(lineno)s] %(asctime)s >> %(message)s"))


def reset_format() -> None:
    _format(None)


def captureWarnings(capture: bool) -> None:  # v4's name
    """Whether `warnings.warn` goes through the loggers."""
    logging.captureWarnings(capture)
    if capture:
        logging.getLogger("py.warnings").addHandler(_default_handler())


def enable_progress_bar() -> None:
    progress.show(True)


def disable_progress_bar() -> None:
    progress.show(False)


def is_progress_bar_enabled() -> bool:
    return progress.shown()


def tqdm(iterable: Iterable[Any] | None = None, *given: Any, **named: Any) -> Any:
    """tqdm's bar, or a silent one after `disable_progress_bar()`."""
    from tqdm.auto import tqdm as bar  # type: ignore[import-untyped]  # comes with huggingface_hub

    return bar(iterable, *given, **{"disable": not progress.shown(), **named})


class _Logger(logging.Logger):
    """A logger with v4's two additions. `of` gives an existing logger these methods."""

    def warning_advice(self, *given: Any, **named: Any) -> None:
        """A warning that TRANSFORMERS_NO_ADVISORY_WARNINGS silences."""
        if not os.environ.get("TRANSFORMERS_NO_ADVISORY_WARNINGS"):
            self.warning(*given, **named)

    def warning_once(self, *given: Any, **named: Any) -> None:
        """A warning that is written once however often it is given."""
        _once(self, "warning", given, tuple(named.items()))

    def info_once(self, *given: Any, **named: Any) -> None:
        _once(self, "info", given, tuple(named.items()))

    @staticmethod
    def of(name: str) -> logging.Logger:
        logger = logging.getLogger(name)
        if type(logger) is logging.Logger:
            logger.__class__ = _Logger
        return logger


@cache
def _once(logger: logging.Logger, kind: str, given: tuple[Any, ...], named: tuple[Any, ...]) -> None:
    getattr(logger, kind)(*given, **dict(named))


def _get_library_root_logger() -> logging.Logger:
    return _Logger.of(_LIBRARIES[0])


def _get_library_name() -> str:
    return _LIBRARIES[0]


def _default_handler() -> logging.Handler:
    global _handler
    with _lock:
        if _handler is None:
            _handler = logging.StreamHandler(sys.stderr)
    return _handler


@cache
def _set_up() -> None:
    """A handler and the level of TRANSFORMERS_VERBOSITY, when logging is first asked about."""
    level = log_levels.get(os.environ.get("TRANSFORMERS_VERBOSITY", "").lower(), WARNING)
    for library in _LIBRARIES:
        logger = logging.getLogger(library)
        logger.addHandler(_default_handler())
        logger.setLevel(level)
        logger.propagate = False


def _propagate(on: bool) -> None:
    _set_up()
    for library in _LIBRARIES:
        logging.getLogger(library).propagate = on


def _format(formatter: logging.Formatter | None) -> None:
    _set_up()
    for handler in logging.getLogger(_LIBRARIES[0]).handlers:
        handler.setFormatter(formatter)


__all__ = [
    "CRITICAL",
    "DEBUG",
    "ERROR",
    "FATAL",
    "INFO",
    "NOTSET",
    "WARN",
    "WARNING",
    "add_handler",
    "captureWarnings",
    "disable_default_handler",
    "disable_progress_bar",
    "disable_propagation",
    "enable_default_handler",
    "enable_explicit_format",
    "enable_progress_bar",
    "enable_propagation",
    "get_log_levels_dict",
    "get_logger",
    "get_verbosity",
    "is_progress_bar_enabled",
    "remove_handler",
    "reset_format",
    "set_verbosity",
    "set_verbosity_debug",
    "set_verbosity_error",
    "set_verbosity_info",
    "set_verbosity_warning",
    "tqdm",
]
