"""The table of families: `model_type` in config.json -> the file and the name of its Family.

To add one: write its file (imitate bert.py), add its line here, add its rows to tests/families/cases.py.
README.md of this folder says what each part of a file is for.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

from hubformer.errors import UnknownName, suggestion
from hubformer.models.family import Family

FAMILIES: dict[str, str] = {
    "albert": "albert:ALBERT",
    "bart": "bart:BART",
    "bert": "bert:BERT",
    "big_bird": "big_bird:BIG_BIRD",
    "blenderbot": "mbart:BLENDERBOT",
    "blenderbot-small": "mbart:BLENDERBOT_SMALL",
    "bloom": "bloom:BLOOM",
    "camembert": "roberta:CAMEMBERT",
    "deberta": "deberta:DEBERTA",
    "deberta-v2": "deberta_v2:DEBERTA_V2",
    "distilbert": "distilbert:DISTILBERT",
    "electra": "electra:ELECTRA",
    "encoder-decoder": "encoder_decoder:ENCODER_DECODER",
    "falcon": "falcon:FALCON",
    "flaubert": "xlm:FLAUBERT",
    "gemma": "gemma:GEMMA",
    "gemma2": "gemma:GEMMA2",
    "gemma3_text": "gemma:GEMMA3_TEXT",
    "gpt2": "gpt2:GPT2",
    "gpt_bigcode": "gpt_bigcode:GPT_BIGCODE",
    "gpt_neo": "gpt_neo:GPT_NEO",
    "gpt_neox": "gpt_neox:GPT_NEOX",
    "gptj": "gptj:GPTJ",
    "granite": "granite:GRANITE",
    "gte": "gte:GTE",
    "jina_bert": "jina_bert:JINA_BERT",
    "led": "led:LED",
    "llama": "llama:LLAMA",
    "longformer": "longformer:LONGFORMER",
    "m2m_100": "mbart:M2M_100",
    "marian": "mbart:MARIAN",
    "mbart": "mbart:MBART",
    "mistral": "mistral:MISTRAL",
    "mixtral": "mixtral:MIXTRAL",
    "modernbert": "modernbert:MODERNBERT",
    "mpnet": "mpnet:MPNET",
    "mt5": "t5:MT5",
    "nomic_bert": "nomic_bert:NOMIC_BERT",
    "olmo2": "olmo2:OLMO2",
    "openai-gpt": "openai_gpt:OPENAI_GPT",
    "opt": "opt:OPT",
    "pegasus": "mbart:PEGASUS",
    "phi": "phi:PHI",
    "phi3": "phi3:PHI3",
    "qwen2": "qwen:QWEN2",
    "qwen3": "qwen:QWEN3",
    "qwen3_moe": "qwen3_moe:QWEN3_MOE",
    "roberta": "roberta:ROBERTA",
    "smollm3": "smollm3:SMOLLM3",
    "stablelm": "stablelm:STABLELM",
    "starcoder2": "starcoder2:STARCODER2",
    "t5": "t5:T5",
    "umt5": "t5:UMT5",
    "xlm": "xlm:XLM",
    "xlm-roberta": "roberta:XLM_ROBERTA",
    "xlnet": "xlnet:XLNET",
}


@cache
def family(model_type: str) -> Family:
    """The family of a `model_type`.

    Raises:
        UnknownName: says which are known.
    """
    if model_type not in FAMILIES:
        raise UnknownName(
            f"The model type {model_type!r} is not known.{suggestion(model_type, FAMILIES)} "
            f"Known: {', '.join(sorted(FAMILIES))}."
        )
    module, _, name = FAMILIES[model_type].partition(":")
    found: Family = getattr(import_module(f"hubformer.families.{module}"), name)
    return found


def every_family() -> tuple[Family, ...]:
    return tuple(family(model_type) for model_type in FAMILIES)
