"""Write tests/pipelines/goldens/texts.json: what transformers 4.57.6 answers for texts from texts.

Run with transformers 4.57.6 (and tokenizers, safetensors) installed, in an environment of its own:

    python scripts/make_text2text_goldens.py

The models' files say nothing of beams and lengths: there that version lets its own 4 and 256 win over what a
file says.
"""

from __future__ import annotations

import json
import warnings
from typing import Any

import torch
import transformers
from tokenizers import processors
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

from make_qa_goldens import EXAMPLES, GOLDENS, as_text, byte_tokenizer, word_tokenizer, write

MODELS = ("t5-texts", "bart-texts")
TEXTS = [context for _, context in EXAMPLES[:4]] + ["Nobody met Marta.", "x"]
# A tiny model says one token for ever, unless it is told not to.
USUAL: dict[str, Any] = {"repetition_penalty": 6.0, "max_new_tokens": 12}
OPTIONS: list[dict[str, Any]] = [
    {},
    {"num_beams": 1},
    {"num_beams": 3, "num_return_sequences": 2},
    {"num_beams": 1, "min_length": 9},
    {"num_beams": 2, "length_penalty": 2.0, "no_repeat_ngram_size": 2},
    {"clean_up_tokenization_spaces": True},
    {"truncation": True, "num_beams": 1},
    {"return_tensors": True, "num_beams": 1},
]
TASKS = ("text2text-generation", "summarization", "translation_en_to_de")


def main() -> None:
    torch.manual_seed(5)
    words, bytes_ = word_tokenizer(), byte_tokenizer(prefixed=True)
    ended = PreTrainedTokenizerFast(
        tokenizer_object=words.backend_tokenizer, model_max_length=96,
        pad_token="[PAD]", unk_token="[UNK]", eos_token="[SEP]",
    )  # fmt: skip
    ended.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="$A [SEP]", pair="$A [SEP] $B [SEP]", special_tokens=[("[SEP]", 3)]
    )
    params = {"translation_en_to_de": {"prefix": "marta: ", "no_repeat_ngram_size": 1}}
    t5 = T5Config(
        vocab_size=len(ended), d_model=16, d_kv=8, d_ff=24, num_layers=1, num_heads=2,
        relative_attention_num_buckets=8, relative_attention_max_distance=20,
        decoder_start_token_id=0, pad_token_id=0, eos_token_id=3, task_specific_params=params,
    )  # fmt: skip
    bart = BartConfig(
        vocab_size=len(bytes_), d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=24, decoder_ffn_dim=24, max_position_embeddings=400,
    )  # fmt: skip
    write("t5-texts", T5ForConditionalGeneration(t5), ended)
    write("bart-texts", BartForConditionalGeneration(bart), bytes_)
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    expected = {
        "made_with": f"transformers {transformers.__version__}, float32",
        "rows": [row for name in MODELS for task in TASKS for row in rows(name, task)],
    }
    (GOLDENS / "texts.json").write_text(as_text(expected), encoding="utf-8")


def rows(model: str, task: str) -> list[dict[str, Any]]:
    pipe = transformers.pipeline(task, str(GOLDENS / model), dtype="float32", device="cpu")
    found = []
    for inputs in (TEXTS[0], TEXTS[4], TEXTS):
        for options in OPTIONS if task == TASKS[0] else OPTIONS[:3]:
            said = {"max_new_tokens": 12} if "translation" in task else USUAL
            said = {**said, **options}
            answers = json.loads(json.dumps(pipe(inputs, **said), default=lambda tensor: tensor.tolist()))
            found.append(
                {"model": model, "task": task, "inputs": inputs, "options": said, "expected": answers}
            )
    return found


if __name__ == "__main__":
    main()
