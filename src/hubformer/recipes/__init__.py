"""Trainings from one file: `hubformer train RECIPE`, or

    from hubformer.recipes import load_recipe, run

    run(load_recipe("sst2", ["data.train=train.tsv", "data.valid=dev.tsv"]))

To add a recipe: a file in configs/recipes. To add a kind of training: registry.py says how.
"""

from hubformer.recipes.recipe import Recipe, load_recipe, names
from hubformer.recipes.registry import OBJECTIVES
from hubformer.recipes.run import Result, run
from hubformer.recipes.training_task import TrainingTask

__all__ = ["OBJECTIVES", "Recipe", "Result", "TrainingTask", "load_recipe", "names", "run"]
