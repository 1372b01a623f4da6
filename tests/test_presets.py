"""The configurations that ship: each builds, and has as many parameters as the published model."""

from __future__ import annotations

import pytest
import torch

import hubformer
from hubformer.families import FAMILIES
from hubformer.presets import names, preset

# Of the model without head, with its pooler where it has one, as cards and papers count them.
PUBLISHED = {
    "bert-base-cased": 108_310_272,
    "bert-base-uncased": 109_482_240,
    "bert-large-uncased": 335_141_888,
    "bert-medium": 41_373_184,
    "bert-mini": 11_170_560,
    "bert-small": 28_763_648,
    "bert-tiny": 4_385_920,
    "distilbert-base-uncased": 66_362_880,
    "gpt2": 124_439_808,
    "gpt2-large": 774_030_080,
    "gpt2-medium": 354_823_168,
    "gpt2-xl": 1_557_611_200,
    "roberta-base": 124_645_632,
    "roberta-large": 355_359_744,
}
# Published in billions, rounded.
BILLIONS = {"gpt3-175b": 175, "jurassic-1-jumbo": 178}


@pytest.mark.parametrize("name", names())
def test_parameters(name: str) -> None:
    transformers = pytest.importorskip("transformers")
    values = preset(name)
    assert values is not None
    if values["model_type"] not in FAMILIES:
        pytest.skip(f"{values['model_type']} is not among the families")
    with torch.device("meta"):
        ours = hubformer.AutoModel.from_config(name)
        kind = type(transformers.AutoConfig.for_model(values["model_type"]))
        theirs = transformers.AutoModel.from_config(kind.from_dict(dict(values)))
    count = ours.num_parameters()
    assert count == theirs.num_parameters()
    assert count == PUBLISHED.get(name, count)
    if name in BILLIONS:
        assert round(count / 1e9) == BILLIONS[name]


@pytest.mark.parametrize("name", names())
def test_every_key_is_obeyed(name: str) -> None:
    """A preset says nothing that the family does not read."""
    values = preset(name)
    assert values is not None
    if values["model_type"] not in FAMILIES:
        pytest.skip(f"{values['model_type']} is not among the families")
    config = hubformer.AutoConfig.from_pretrained(name)
    known = {*type(config).fields, *hubformer.models.config.COMMON, "model_type"}
    assert set(values) <= known, sorted(set(values) - known)


def test_a_published_figure_per_preset_that_exists() -> None:
    assert {*PUBLISHED, *BILLIONS} <= set(names())
