"""The tasks of `pipeline`: which class answers, which models, and the defaults. Imports nothing.

To add a task, see README.md of this folder.
"""

from __future__ import annotations

from typing import NamedTuple


class TaskEntry(NamedTuple):
    """One task: its pipeline, the Auto class of its models, and what answers where no model is named."""

    home: str  # file:class
    model: str  # the Auto class
    default: str | None = None  # name on the Hub @ commit, as in transformers 4.57
    bundled: str | None = None  # folder of hubformer/bundled


TASKS: dict[str, TaskEntry] = {
    "feature-extraction": TaskEntry(
        "feature_extraction:FeatureExtractionPipeline", "AutoModel",
        "distilbert/distilbert-base-cased@6ea81172465e8b0ad3fddeed32b986cdcdcffcf0",
    ),
    "fill-mask": TaskEntry(
        "fill_mask:FillMaskPipeline", "AutoModelForMaskedLM",
        "distilbert/distilroberta-base@fb53ab8802853c8e4fbdbcd0529f21fc6f459b2b",
    ),
    "question-answering": TaskEntry(
        "question_answering:QuestionAnsweringPipeline", "AutoModelForQuestionAnswering",
        "distilbert/distilbert-base-cased-distilled-squad@564e9b582944a57a3e586bbb98fd6f0a4118db7f",
        bundled="minilm-squad",
    ),
    "summarization": TaskEntry(
        "text2text_generation:SummarizationPipeline", "AutoModelForSeq2SeqLM",
        "sshleifer/distilbart-cnn-12-6@a4f8f3ea906ed274767e9906dbaede7531d660ff",
    ),
    "text-classification": TaskEntry(
        "text_classification:TextClassificationPipeline", "AutoModelForSequenceClassification",
        "distilbert/distilbert-base-uncased-finetuned-sst-2-english@714eb0fa89d2f80546fda750413ed43d93601a13",
        bundled="minilm-sst2",
    ),
    "text-generation": TaskEntry(
        "text_generation:TextGenerationPipeline", "AutoModelForCausalLM",
        "openai-community/gpt2@607a30d783dfa663caf39e06633721c8d4cfcd7e",
    ),
    "text2text-generation": TaskEntry(
        "text2text_generation:Text2TextGenerationPipeline", "AutoModelForSeq2SeqLM",
        "google-t5/t5-base@a9723ea7f1b39c1eae772870f3b547bf6ef7e6c1",
    ),
    "token-classification": TaskEntry(
        "token_classification:TokenClassificationPipeline", "AutoModelForTokenClassification",
        "dbmdz/bert-large-cased-finetuned-conll03-english@4c534963167c08d4b8ff1f88733cf2930f86add0",
    ),
    "translation": TaskEntry(
        "text2text_generation:TranslationPipeline", "AutoModelForSeq2SeqLM",
        "google-t5/t5-base@a9723ea7f1b39c1eae772870f3b547bf6ef7e6c1",
    ),
    "zero-shot-classification": TaskEntry(
        "zero_shot_classification:ZeroShotClassificationPipeline", "AutoModelForSequenceClassification",
        "facebook/bart-large-mnli@d7645e127eaf1aefc7862fd59a17a5aa8558b8ce",
    ),
}  # fmt: skip

ALIASES = {"sentiment-analysis": "text-classification", "ner": "token-classification"}

# What transformers 4.57 offers beyond these: known by name, so that the error can say so.
NOT_YET = frozenset(
    [
        "audio-classification",
        "automatic-speech-recognition",
        "depth-estimation",
        "document-question-answering",
        "image-classification",
        "image-feature-extraction",
        "image-segmentation",
        "image-text-to-text",
        "image-to-image",
        "image-to-text",
        "keypoint-matching",
        "mask-generation",
        "object-detection",
        "table-question-answering",
        "text-to-audio",
        "text-to-speech",
        "video-classification",
        "visual-question-answering",
        "vqa",
        "zero-shot-audio-classification",
        "zero-shot-image-classification",
        "zero-shot-object-detection",
    ]
)
