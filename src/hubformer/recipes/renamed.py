"""Names that recipes had in version 0.1.0. A recipe that uses one is refused with the new name; the
recipe.json of a finished run is read under the new names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from hubformer.errors import UnknownArgument, UnknownName

OBJECTIVES = {"mlm-nsp": "bert-pretraining", "mlm-sop": "albert-pretraining"}
OPTIONS = {
    "hidden": "mlm_probability",
    "whole_words": "whole_word_mask",
    "short": "short_seq_prob",
    "passes": "dupe_factor",
    "lost": "noise_density",
    "span": "mean_noise_span_length",
    "predicted": "plm_probability",
    "longest_span": "max_span_length",
}


def refuse_old_objective(name: str) -> None:
    """
    Raises:
        UnknownName: an objective's name of version 0.1.0; the new one is named.
    """
    if name in OBJECTIVES:
        raise UnknownName(f"The objective {name!r} is called {OBJECTIVES[name]!r} now. Use that name.")


def refuse_old_options(given: Collection[str], known: Collection[str]) -> None:
    """
    Raises:
        UnknownArgument: an option's name of version 0.1.0; the new one is named.
    """
    for name in given:
        if name not in known and OPTIONS.get(name) in known:
            raise UnknownArgument(
                f"options.{name} is called options.{OPTIONS[name]} now. Use that name; values mean the same."
            )


def with_new_names(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """A run's recipe under today's names."""
    found = dict(recipe)
    if found.get("objective") in OBJECTIVES:
        found["objective"] = OBJECTIVES[found["objective"]]
    if isinstance(found.get("options"), Mapping):
        found["options"] = {OPTIONS.get(name, name): value for name, value in found["options"].items()}
    return found
