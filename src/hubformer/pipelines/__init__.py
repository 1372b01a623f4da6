"""Tasks from raw inputs to answers: `pipeline(task, model)`.

To add a task: write its file (imitate text_classification.py), add its line to TASKS, add its row to
tests/pipelines/test_tasks.py. README.md of this folder says what a file holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from hubformer.importing import without_collection

if TYPE_CHECKING:
    from hubformer.pipelines.base import Pipeline


class Task(NamedTuple):
    """One task: its pipeline, the Auto class of its models, and what answers where no model is named."""

    home: str  # file:class
    model: str  # the Auto class
    default: str | None = None  # name on the Hub @ commit, as in transformers 4.57
    bundled: str | None = None  # folder of hubformer/bundled


TASKS: dict[str, Task] = {
    "feature-extraction": Task(
        "feature_extraction:FeatureExtractionPipeline", "AutoModel",
        "distilbert/distilbert-base-cased@6ea81172465e8b0ad3fddeed32b986cdcdcffcf0",
    ),
    "fill-mask": Task(
        "fill_mask:FillMaskPipeline", "AutoModelForMaskedLM",
        "distilbert/distilroberta-base@fb53ab8802853c8e4fbdbcd0529f21fc6f459b2b",
    ),
    "question-answering": Task(
        "question_answering:QuestionAnsweringPipeline", "AutoModelForQuestionAnswering",
        "distilbert/distilbert-base-cased-distilled-squad@564e9b582944a57a3e586bbb98fd6f0a4118db7f",
        bundled="minilm-squad",
    ),
    "summarization": Task(
        "text2text_generation:SummarizationPipeline", "AutoModelForSeq2SeqLM",
        "sshleifer/distilbart-cnn-12-6@a4f8f3ea906ed274767e9906dbaede7531d660ff",
    ),
    "text-classification": Task(
        "text_classification:TextClassificationPipeline", "AutoModelForSequenceClassification",
        "distilbert/distilbert-base-uncased-finetuned-sst-2-english@714eb0fa89d2f80546fda750413ed43d93601a13",
        bundled="minilm-sst2",
    ),
    "text-generation": Task(
        "text_generation:TextGenerationPipeline", "AutoModelForCausalLM",
        "openai-community/gpt2@607a30d783dfa663caf39e06633721c8d4cfcd7e",
    ),
    "text2text-generation": Task(
        "text2text_generation:Text2TextGenerationPipeline", "AutoModelForSeq2SeqLM",
        "google-t5/t5-base@a9723ea7f1b39c1eae772870f3b547bf6ef7e6c1",
    ),
    "token-classification": Task(
        "token_classification:TokenClassificationPipeline", "AutoModelForTokenClassification",
        "dbmdz/bert-large-cased-finetuned-conll03-english@4c534963167c08d4b8ff1f88733cf2930f86add0",
    ),
    "translation": Task(
        "text2text_generation:TranslationPipeline", "AutoModelForSeq2SeqLM",
        "google-t5/t5-base@a9723ea7f1b39c1eae772870f3b547bf6ef7e6c1",
    ),
    "zero-shot-classification": Task(
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


def pipeline(
    task: str | None = None,
    model: Any = None,
    config: Any = None,
    tokenizer: Any = None,
    feature_extractor: Any = None,
    image_processor: Any = None,
    processor: Any = None,
    framework: str | None = None,
    revision: str | None = None,
    use_fast: bool = True,
    token: str | bool | None = None,
    device: Any = None,
    device_map: Any = None,
    dtype: Any = None,
    trust_remote_code: bool | None = None,
    model_kwargs: dict[str, Any] | None = None,
    pipeline_class: Any = None,
    **kwargs: Any,
) -> Pipeline[Any, Any]:
    """The pipeline of a task: `pipeline("sentiment-analysis", "org/name")("What a day!")`.

    model: a name on the Hub, a folder, or a loaded model (its tokenizer is then found by its name). None: the
    task's default. task None: what the model's configuration says it was trained for. All files of a name
    come from one commit. dtype: float32 unless asked; "auto" is the file's. device: the first accelerator
    unless said. Other keywords are options of the task (top_k=…), or cache_dir, local_files_only,
    force_download, subfolder.

    `use_fast` and `trust_remote_code` are taken for transformers' sake: tokenizers are always fast, and no
    remote code is ever run.

    Raises:
        UnknownName: the task, or the model's type, is not known; the nearest name is suggested.
        UnknownArgument: a keyword that neither this call nor the task takes.
        HubError: the model cannot be had. ConfigError, CheckpointError: it cannot be read, or lacks the head.
        InputError: arguments that contradict each other.
    """
    with without_collection():
        from hubformer.pipelines.loading import Request, opened

    request = Request(
        task=task,
        model=model,
        config=config,
        tokenizer=tokenizer,
        processors=(feature_extractor, image_processor, processor),
        framework=framework,
        revision=revision,
        token=token,
        device=device,
        device_map=device_map,
        dtype=dtype,
        model_kwargs=dict(model_kwargs or {}),
        pipeline_class=pipeline_class,
        others=kwargs,
    )
    return opened(request)
