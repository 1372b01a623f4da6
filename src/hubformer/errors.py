"""What a caller may catch. Every message says what was found, what was expected and what to do.

Each kind also derives from the built-in exception that transformers 4 raises in the same place, so that
code written for it keeps working.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class HubformerError(Exception):
    """Any error that hubformer raises on purpose."""

    def __str__(self) -> str:  # KeyError would print the repr of the message
        return str(self.args[0]) if self.args else ""


class ConfigError(HubformerError, ValueError):
    """A configuration that cannot be honoured: a wrong type, an impossible size, an unknown value."""


class CheckpointError(HubformerError, OSError, ValueError):
    """A weights file, or a folder of them, that cannot be read or does not fit the model."""


class UnknownName(HubformerError, KeyError, ValueError):
    """A task, architecture or label that hubformer does not know."""


class UnknownArgument(UnknownName, TypeError):
    """A keyword argument that a call does not take."""


class HubError(HubformerError, OSError):
    """A repository or one of its files cannot be had."""


class InputError(HubformerError, ValueError, TypeError):
    """An input that cannot be answered: wrong type, too long, out of range."""


class MissingPackage(HubformerError, ImportError):
    """A package that this use needs is not installed; the message says how to install it."""


class NotProvided(HubformerError, NotImplementedError, AttributeError):
    """Something of transformers that hubformer has under no name; the message says what to do instead."""


class TrainingDiverged(HubformerError, ArithmeticError):
    """The loss or the gradients are not finite any more; the weights are those of the step before."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """`" Did you mean 'x'?"` for the nearest known name, or nothing."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else ""


def refuse_unknown(given: Iterable[str], known: Iterable[str], *, call: str) -> None:
    """Raise UnknownArgument for the first given name that is not known.

    Raises:
        UnknownArgument: names the call, the argument, and the nearest argument that exists.
    """
    names = sorted(known)
    for name in given:
        if name not in names:
            listed = f" It takes: {', '.join(names)}." if len(names) <= 40 else ""
            raise UnknownArgument(f"{call} takes no argument {name!r}.{suggestion(name, names)}{listed}")
