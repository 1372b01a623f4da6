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
    """The objective that a recipe names, with its options.

    Raises:
        UnknownName: there is none of that name. UnknownArgument: an option that it does not have.
    """
    refuse_old_objective(recipe.objective)
    found = OBJECTIVES.get(recipe.objective)
    if found is None:
        raise UnknownName(
            f"There is no objective {recipe.objective!r}.{suggestion(recipe.objective, OBJECTIVES)} "
            f"There are: {', '.join(sorted(OBJECTIVES))}."
        )
    module, _, name = found.partition(":")
    kind: Any = getattr(import_module(f"hubformer.recipes.{module}"), name)
    made: TrainingTask = kind(recipe.options)
    return made
