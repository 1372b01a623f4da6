"""The configurations that ship: each builds, and has as many parameters as the published model."""

from __future__ import annotations

import pytest
import torch

import hubformer
from hubformer.families import FAMILIES, family
from hubformer.presets import names, preset

# Of the model without head, with its pooler where it has one, as cards and papers count them. A model that is
# made of others is counted whole.
PUBLISHED = {
    "albert-base-v2": 11_683_584,
    "albert-large-v2": 17_683_968,
    "albert-xlarge-v2": 58_724_864,
    "albert-xxlarge-v2": 222_595_584,
    "bart-base": 139_420_416,
    "bart-large": 406_291_456,
    "blenderbot_small-90m": 87_508_992,
    "bert-base-cased": 108_310_272,
    "bert-base-uncased": 109_482_240,
    "bert-large-uncased": 335_141_888,
    "bert-medium": 41_373_184,
    "bert-mini": 11_170_560,
    "bert-small": 28_763_648,
    "bert-tiny": 4_385_920,
    "bert2bert_cnn_daily_mail": 247_363_386,
    "bigbird-roberta-base": 127_468_800,
    "bigbird-roberta-large": 359_123_968,
    "distilbert-base-uncased": 66_362_880,
    "deberta-base": 138_601_728,
    "deberta-v3-base": 183_831_552,
    "electra-base-discriminator": 108_891_648,
    "electra-large-discriminator": 334_092_288,
    "electra-small-discriminator": 13_483_008,
    "electra-small-generator": 13_483_008,
    "flaubert-base-cased": 138_233_088,
    "gpt2": 124_439_808,
    "gpt2-large": 774_030_080,
    "gpt2-medium": 354_823_168,
    "gpt2-xl": 1_557_611_200,
    "led-base-16384": 161_844_480,
    "led-large-16384": 459_801_600,
    "modernbert-base": 149_014_272,
    "modernbert-large": 394_781_696,
    "mpnet-base": 109_486_464,
    "nomic-embed-text-v1.5": 136_731_648,
    "jina-embeddings-v2-base-en": 137_368_320,
    "jina-embeddings-v2-small-en": 32_690_688,
    "longformer-base-4096": 148_659_456,
    "longformer-large-4096": 434_600_960,
    "openai-gpt": 116_534_784,
    "roberta-base": 124_645_632,
    "snowflake-arctic-embed-m-v2.0": 305_368_320,
    "roberta-large": 355_359_744,
    "xlm-mlm-en-2048": 667_088_896,
    "xlm-mlm-ende-1024": 142_357_504,
}
# Of the language model, with its output where that is not tied, as cards and papers of decoders count them.
WRITERS = {
    "bloom": 176_247_271_424,
    "bloom-560m": 559_214_592,
    "bloom-7b1": 7_069_016_064,
    "falcon-40b": 41_303_293_952,
    "falcon-7b": 6_921_720_704,
    "falcon-rw-1b": 1_311_625_216,
    "gemma-2-2b": 2_614_341_888,
    "gemma-2-9b": 9_241_705_984,
    "gemma-2b": 2_506_172_416,
    "gemma-3-1b": 999_885_952,
    "gemma-3-270m": 268_098_176,
    "gpt-j-6b": 6_050_882_784,
    "gpt-neo-1.3b": 1_315_575_808,
    "gpt-neo-125m": 125_198_592,
    "gpt-neox-20b": 20_554_567_680,
    "granite-3.0-2b": 2_533_531_648,
    "llama-2-7b": 6_738_415_616,
    "llama-3-8b": 8_030_261_248,
    "llama-3.2-1b": 1_235_814_400,
    "mistral-7b": 7_241_732_096,
    "mixtral-8x22b": 140_620_634_112,
    "mixtral-8x7b": 46_702_792_704,
    "olmo-2-7b": 7_298_617_344,
    "opt-1.3b": 1_315_758_080,
    "opt-125m": 125_239_296,
    "opt-350m": 331_196_416,
    "phi-2": 2_779_683_840,
    "phi-3-mini-4k": 3_821_079_552,
    "pythia-160m": 162_322_944,
    "pythia-1b": 1_011_781_632,
    "qwen2.5-0.5b": 494_032_768,
    "qwen2.5-7b": 7_615_616_512,
    "qwen3-0.6b": 596_049_920,
    "qwen3-235b-a22b": 235_093_634_560,
    "qwen3-30b-a3b": 30_532_122_624,
    "qwen3-8b": 8_190_735_360,
    "santacoder": 1_124_886_528,
    "smollm2-135m": 134_515_008,
    "smollm3-3b": 3_075_098_624,
    "stablelm-2-1.6b": 1_644_515_328,
    "stablelm-2-12b": 12_143_185_920,
    "stablelm-3b-4e1t": 2_795_443_200,
    "starcoder2-3b": 3_030_371_328,
    "starcoderbase-1b": 1_137_207_296,
    "tinyllama-1.1b": 1_100_048_384,
}
# Published in billions, rounded. How wide the bands of GPT-3 are is not told; the preset takes the width of
# the paper that it refers to.
BILLIONS = {"gpt3-175b": 175, "jurassic-1-jumbo": 178}


@pytest.mark.parametrize("name", names())
def test_parameters(name: str) -> None:
    transformers = pytest.importorskip("transformers")
    values = preset(name)
    assert values is not None
    if values["model_type"] not in FAMILIES:
        pytest.skip(f"{values['model_type']} is not among the families")
    auto = "AutoModel" if family(values["model_type"]).head("base") else "AutoModelForSeq2SeqLM"
    with torch.device("meta"):
        ours = getattr(hubformer, auto).from_config(name)
        count = ours.num_parameters()
        if ours.config.model_type == values["model_type"]:
            kind = type(transformers.AutoConfig.for_model(values["model_type"]))
            theirs = getattr(transformers, auto).from_config(kind.from_dict(dict(values)))
            waves = sum(p.numel() for p in theirs.parameters() if not p.requires_grad)  # which are none here
            assert count == theirs.num_parameters() - waves
        else:  # transformers would read another family's model
            assert name in PUBLISHED
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
    whole = hubformer.AutoConfig.from_pretrained(name)
    halves = [(values[half], getattr(whole, half)) for half in ("encoder", "decoder") if half in values]
    for said, config in [(values, whole), *halves]:
        known = {*type(config).fields, *hubformer.models.config.COMMON, "model_type"}
        assert set(said) <= known, sorted(set(said) - known)


@pytest.mark.parametrize("name", WRITERS)
def test_language_models(name: str) -> None:
    with torch.device("meta"):
        model = hubformer.AutoModelForCausalLM.from_config(name)
    assert model.num_parameters() == WRITERS[name]


def test_a_published_figure_per_preset_that_exists() -> None:
    assert {*PUBLISHED, *WRITERS, *BILLIONS} <= set(names())
