"""Write what `import hubformer` shows without loading: names.py, and __init__.pyi for editors and mypy.

    python scripts/write_names.py           writes both files
    python scripts/write_names.py --check   exits 1 and names the file that is out of date

Run it after a family, a head, a task or a public class was added. Both files follow from the tables of
families, tasks and tokenizers and from PUBLIC below; a name that does not exist is left out of them.
"""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Iterable, Iterator
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any

import hubformer
from hubformer.families import every_family
from hubformer.models.config import COMMON, Field
from hubformer.models.family import Family, Head
from hubformer.models.inputs import Inputs
from hubformer.models.outputs import ModelOutput
from hubformer.pipelines import TASKS
from hubformer.pretrained.classes import public_names
from hubformer.tokenization import TOKENIZER_CLASSES

PACKAGE = Path(hubformer.__file__).parent
WIDTH = 110

# Module -> the public names in it. "older=newer": another name, known from transformers, for the same object.
PUBLIC = {
    "adapters": "LoraConfig",
    "compat.switch": "as_transformers",
    "pretrained.config": "AutoConfig",
    "pretrained.configuration": "PreTrainedConfig PretrainedConfig=PreTrainedConfig",
    "pretrained.pretrained": "PreTrainedModel",
    "pretrained.tokenizer": "AutoTokenizer",
    "errors": """
        CheckpointError ConfigError HubError HubformerError InputError MissingPackage TrainingDiverged
        UnknownArgument UnknownName
    """,
    "generation": """
        BaseStreamer EosTokenCriteria GenerationConfig LogitsProcessor LogitsProcessorList MaxLengthCriteria
        StoppingCriteria StoppingCriteriaList TextIteratorStreamer TextStreamer
    """,
    "pipelines": "pipeline",
    "pipelines.base": "Pipeline",
    "pipelines.registry": "PIPELINE_REGISTRY",
    "pipelines.token_classification": "NerPipeline=TokenClassificationPipeline",
    "embeddings": "SentenceEncoder",
    "tokenization": "AddedToken BatchEncoding CharSpan TokenSpan",
    "tokenization.tokenizer": """
        PreTrainedTokenizer=PreTrainedTokenizerFast PreTrainedTokenizerBase=PreTrainedTokenizerFast
    """,
    "training": """
        Adafactor DataCollator DataCollatorForLanguageModeling DataCollatorForMultipleChoice
        DataCollatorForPermutationLanguageModeling DataCollatorForSeq2Seq DataCollatorForSpanCorruption
        DataCollatorForTokenClassification DataCollatorForWholeWordMask DataCollatorWithFlattening
        DataCollatorWithPadding DefaultDataCollator DefaultFlowCallback EarlyStoppingCallback EvalPrediction
        IntervalStrategy PredictionOutput PrinterCallback ProgressCallback SchedulerType Seq2SeqTrainer
        Seq2SeqTrainingArguments Trainer TrainerCallback TrainerControl TrainerState TrainingArguments
        default_data_collator
        get_constant_schedule get_constant_schedule_with_warmup get_cosine_schedule_with_warmup
        get_cosine_with_hard_restarts_schedule_with_warmup get_inverse_sqrt_schedule
        get_linear_schedule_with_warmup get_polynomial_decay_schedule_with_warmup get_scheduler
        packed_blocks set_seed
    """,
}
# Fields of outputs that every pass fills, whatever it is asked.
FILLED = (
    "end_logits",
    "last_hidden_state",
    "logits",
    "mc_logits",
    "prediction_logits",
    "seq_relationship_logits",
    "start_logits",
)


_NAMES_START = (
    '"""Where each public name lives. Written by scripts/write_names.py; '
    'a test fails when it is out of date."""'
)
_FAMILY_CLASSES = (
    "FAMILY_CLASSES = {name: model_type for model_type, names in _CLASSES.items() for name in names.split()}"
)


def locations() -> dict[str, str]:
    """Every public name that exists -> its module, with `:own name` where that differs."""
    found = {name: "pretrained.models" for name in _auto_models()}
    for task in TASKS.values():
        module, _, name = task.home.partition(":")
        found |= _existing(f"pipelines.{module}", [name])
    for module, names in PUBLIC.items():
        found |= _existing(module, names.split())
    return dict(sorted(found.items()))


def _auto_models() -> Iterator[str]:
    module = import_module("hubformer.pretrained.models")
    for name, kind in vars(module).items():
        if inspect.isclass(kind) and issubclass(kind, module.AutoModel):
            yield name


def _existing(module: str, names: Iterable[str]) -> dict[str, str]:
    try:
        loaded = import_module(f"hubformer.{module}")
    except ModuleNotFoundError as error:
        if error.name != f"hubformer.{module}":
            raise
        return {}
    pairs = [name.partition("=") for name in names]
    return {
        name: f"{module}:{own}" if own else module for name, _, own in pairs if hasattr(loaded, own or name)
    }


def tokenizer_names() -> list[str]:
    return sorted(TOKENIZER_CLASSES)


def names_text() -> str:
    """The content of names.py."""
    classes: dict[str, list[str]] = {}
    for name, model_type in public_names().items():
        classes.setdefault(model_type, []).append(name)
    lines = [
        _NAMES_START,
        "",
        "LOCATIONS = {",
        *(f'    "{name}": "{home}",' for name, home in locations().items()),
        "}",
        "_CLASSES = {",
    ]
    for model_type in sorted(classes):
        lines += [
            f'    "{model_type}": """',
            *(f"        {name}" for name in classes[model_type]),
            '    """,',
        ]
    lines += [
        "}",
        _FAMILY_CLASSES,
        "TOKENIZER_NAMES = (",
        *(f'    "{name}",' for name in tokenizer_names()),
        ")",
    ]
    return "\n".join(lines) + "\n"


# The stub


def stub_text() -> str:
    """The content of __init__.pyi."""
    blocks = [_STUB_START, _imports(), _output_classes(), _LOADING]
    for found in sorted(every_family(), key=lambda family: family.model_type):
        blocks.append(_config_class(found))
        bases = "_Loading" if found.parts is None else "_Loading, JoinedModel"
        blocks.append(
            f"class {found.name}PreTrainedModel({bases}):\n"
            f"    config: {found.name}Config\n" + "\n".join(_init(_taken(found)))
        )
        blocks += [_model_class(found, head) for head in found.heads]
    return "\n\n".join(blocks) + "\n"


_STUB_START = '''"""What mypy and editors know of `import hubformer`. Written by scripts/write_names.py."""'''


def _imports() -> str:
    sources: dict[str, list[str]] = {
        "collections.abc": ["Mapping", "Sequence"],
        "os": ["PathLike"],
        "typing": ["Any", "Literal", "overload"],
        "torch": ["Tensor", "device as _device", "dtype as _dtype"],
        "typing_extensions": ["Self"],
        "hubformer.pretrained.joined": ["JoinedConfig", "JoinedModel"],
        "hubformer.core": ["Cache"],
        "hubformer.models.config": ["PreTrainedConfig as _Config"],
        "hubformer.models.outputs": sorted({head.output.__name__ for head in _heads()}),
    }
    for name, kind in TOKENIZER_CLASSES.items():
        sources.setdefault(kind.__module__, []).append(name)
    others: list[str] = []
    for name, home in locations().items():
        module, _, own = home.partition(":")
        sources.setdefault(f"hubformer.{module}", []).append(own or name)
        if own:
            others.append(f"{name} = {own}")
    ours = sorted(source for source in sources if source.startswith("hubformer"))
    groups = (["collections.abc", "os", "typing"], ["torch", "typing_extensions"], ours)
    parts = ["\n".join(line for s in group for line in _import(s, sources[s])) for group in groups]
    shown = sorted({*locations(), *public_names(), *tokenizer_names()}, key=_in_all)
    listed = "\n".join(["__all__ = [", *(f'    "{name}",' for name in shown), "]"])
    return "\n\n".join([*parts, "__version__: str", listed, *others])


def _import(source: str, names: list[str]) -> list[str]:
    """As `ruff` sorts and wraps them, so that the file needs no formatter."""
    start = f"from {source} import "
    plain = sorted({name for name in names if " as " not in name}, key=_place)
    line = start + ", ".join(plain)
    if len(line) > WIDTH:
        line = "\n".join([f"{start}(", *(f"    {name}," for name in plain), ")"])
    renamed = [start + name for name in names if " as " in name]
    return [line, *renamed] if plain else renamed


def _in_all(name: str) -> tuple[int, str]:
    return _place(name)[0], name


def _place(name: str) -> tuple[int, str]:
    kind = 0 if name.isupper() else 1 if name[0].isupper() else 2
    return kind, name.lower()


def _heads() -> list[Head]:
    return [head for found in every_family() for head in found.heads]


def _output_classes() -> str:
    kinds: dict[str, type[ModelOutput]] = {head.output.__name__: head.output for head in _heads()}
    return "\n\n".join(_output_class(kinds[name]) for name in sorted(kinds))


def _output_class(kind: type[ModelOutput]) -> str:
    """The output as a pass returns it: its scores are there."""
    filled = [field.name for field in fields(kind) if field.name in FILLED]
    start = f"class _{kind.__name__}({kind.__name__}):"
    return "\n".join([start, *(f"    {name}: Tensor" for name in filled)]) if filled else f"{start} ..."


_LOADING = """\
class _Loading(PreTrainedModel):
    @overload  # type: ignore[override]
    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | PathLike[str],
        *model_args: Any,
        output_loading_info: Literal[True],
        **changes: Any,
    ) -> tuple[Self, dict[str, list[str]]]: ...
    @overload
    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | PathLike[str],
        *model_args: Any,
        config: PreTrainedConfig | str | PathLike[str] | None = None,
        cache_dir: str | PathLike[str] | None = None,
        ignore_mismatched_sizes: bool = False,
        force_download: bool = False,
        local_files_only: bool = False,
        token: str | bool | None = None,
        revision: str = "main",
        subfolder: str = "",
        use_safetensors: bool | None = None,
        variant: str | None = None,
        dtype: _dtype | str | None = None,
        torch_dtype: _dtype | str | None = None,
        device: _device | str | int | None = None,
        device_map: str | int | Mapping[str, Any] | None = None,
        mapped: bool = True,
        num_labels: int = ...,
        id2label: Mapping[int, str] = ...,
        label2id: Mapping[str, int] = ...,
        new_head: bool = False,
        new_cross_attention: bool = False,
        output_loading_info: Literal[False] = False,
        **changes: Any,
    ) -> Self: ...
    @classmethod
    def from_config(cls, config: _Config, *, dtype: _dtype | str | None = None, **named: Any) -> Self: ..."""


def _taken(found: Family) -> list[str]:
    """What a model of a family is built from."""
    if found.parts is None:
        return [f"config: {found.name}Config"]
    return [
        f"config: {found.name}Config | None = None",
        "encoder: PreTrainedModel | None = None",
        "decoder: PreTrainedModel | None = None",
    ]


def _init(taken: list[str]) -> list[str]:
    line = f"    def __init__({', '.join(['self', *taken])}) -> None: ..."
    if len(line) <= WIDTH:
        return [line]
    return ["    def __init__(", "        self,", *(f"        {one}," for one in taken), "    ) -> None: ..."]


def _config_class(found: Family) -> str:
    names = [f"{name}: {_type_of(field)}" for name, field in found.fields.items()]
    shown = [
        f"        {name}: {_type_of(field)} = {_shown(field.default)},"
        for name, field in found.fields.items()
    ]
    mapped = [f"{old}: {_type_of(_field(found, new))}" for old, new in found.attribute_map.items()]
    return "\n".join(
        [
            f"class {found.name}Config({'PreTrainedConfig' if found.parts is None else 'JoinedConfig'}):",
            *(f"    {line}" for line in names + mapped),
            "    def __init__(",
            "        self,",
            *shown,
            "        **named: Any,",
            "    ) -> None: ...",
        ]
    )


def _field(found: Family, name: str) -> Field:
    return found.fields.get(name) or COMMON[name]


def _shown(default: Any) -> str:
    return repr(default).replace("'", '"')  # as the formatter writes it


def _type_of(field: Field) -> str:
    """The type of a field's values, told from what its check expects."""
    kinds = (
        ("a whole number", "int"),
        ("a rate", "float"),
        ("a finite number", "float"),
        ("true or false", "bool"),
        ("one of", "str"),
        ("a token id", "int | list[int] | None"),
    )
    found = next((kind for start, kind in kinds if field.expected.startswith(start)), "Any")
    optional = field.expected.endswith(", or null") or field.default is None
    return f"{found} | None" if optional and "None" not in found and found != "Any" else found


def _model_class(found: Family, head: Head) -> str:
    lines = [f"class {head.name}({found.name}PreTrainedModel):"]
    if head.without is not None:
        lines += _init([*_taken(found), "*", "add_pooling_layer: bool = True"])
    lines += _forward(head, "forward")
    lines += _forward(head, "__call__")
    return "\n".join(lines)


def _forward(head: Head, name: str) -> list[str]:
    known = {field.name: field for field in fields(Inputs)}
    return [
        f"    def {name}(",
        "        self,",
        *(f"        {n}: {known[n].type} = {_shown(known[n].default)}," for n in head.forward.split()),
        f"    ) -> _{head.output.__name__}: ...",
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description="Write names.py and __init__.pyi.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if one is out of date")
    check = parser.parse_args().check
    stale = [
        path
        for path, text in ((PACKAGE / "names.py", names_text()), (PACKAGE / "__init__.pyi", stub_text()))
        if not path.is_file() or path.read_text("utf-8") != text
    ]
    for path in stale:
        if check:
            print(f"{path.name} is out of date. Run scripts/write_names.py.", file=sys.stderr)
        else:
            path.write_text(names_text() if path.suffix == ".py" else stub_text(), "utf-8")
            print(f"wrote {path.name}")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
