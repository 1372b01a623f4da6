"""The table of objectives. To add one: write its file (imitate text_classification.py), add its line here."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from hubformer.errors import UnknownName, suggestion
from hubformer.recipes.recipe import Recipe
from hubformer.recipes.renamed import refuse_old_objective
from hubformer.recipes.training_task import TrainingTask

# Name -> file:class.
OBJECTIVES = {
    "albert-pretraining": "sentence_order:SentenceOrder",
    "bert-pretraining": "next_sentence:NextSentence",
    "causal-language-modeling": "causal_language_modeling:CausalLanguageModeling",
    "masked-language-modeling": "masked_language_modeling:MaskedLanguageModeling",
    "multiple-choice": "multiple_choice:MultipleChoice",
    "permutation-language-modeling": "permutation_language_modeling:PermutationLanguageModeling",
    "question-answering": "question_answering:QuestionAnswering",
    "regression": "regression:Regression",
    "replaced-token-detection": "replaced_tokens:ReplacedTokenDetection",
    "sequence-to-sequence": "sequence_to_sequence:SequenceToSequence",
    "span-corruption": "span_corruption:SpanCorruption",
    "text-classification": "text_classification:TextClassification",
    "token-classification": "token_classification:TokenClassification",
}


def objective(recipe: Recipe) -> TrainingTask:
    """The objective that a recipe names, with its options: a name of OBJECTIVES, or "module:Class" for a
    TrainingTask from outside of the package.

    Raises:
        UnknownName: there is none of that name. UnknownArgument: an option that it does not have.
    """
    refuse_old_objective(recipe.objective)
    if ":" in recipe.objective:
        return _outside(recipe.objective)(recipe.options)
    found = OBJECTIVES.get(recipe.objective)
    if found is None:
        raise UnknownName(
            f"There is no objective {recipe.objective!r}.{suggestion(recipe.objective, OBJECTIVES)} "
            f"There are: {', '.join(sorted(OBJECTIVES))}; or module:Class, a TrainingTask of your own."
        )
    module, _, name = found.partition(":")
    kind: Any = getattr(import_module(f"hubformer.recipes.{module}"), name)
    made: TrainingTask = kind(recipe.options)
    return made


def _outside(place: str) -> type[TrainingTask]:
    module, _, name = place.partition(":")
    try:
        kind = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UnknownName(
            f"The objective {place!r} cannot be imported ({error}). Expected module:Class, where the module "
            "is on Python's path."
        ) from None
    if not (isinstance(kind, type) and issubclass(kind, TrainingTask)):
        raise UnknownName(f"The objective {place!r} is {kind!r}, expected a subclass of TrainingTask.")
    return kind
