"""Write what `import hubformer` shows without loading: names.py, and the stubs for editors and mypy.

    python scripts/write_names.py           writes the files
    python scripts/write_names.py --check   exits 1 and names the files that are out of date

Run it after a family, a head, a task or a public class was added. The files follow from the tables of
families, tasks and tokenizers and from PUBLIC below; a name that does not exist is left out of them.
"""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
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
    "pretrained.config": "AutoConfig PreTrainedConfig PretrainedConfig=PreTrainedConfig",
    "pretrained.model": "PreTrainedModel",
    "pretrained.tokenizer": "AutoTokenizer",
    "errors": """
        CheckpointError ConfigError HubError HubformerError InputError MissingPackage TrainingDiverged
        UnknownArgument UnknownName
    """,
    "generation": """
        AsyncTextIteratorStreamer BaseStreamer ClassifierFreeGuidanceLogitsProcessor
        EncoderNoRepeatNGramLogitsProcessor EncoderRepetitionPenaltyLogitsProcessor EosTokenCriteria
        EpsilonLogitsWarper EtaLogitsWarper ExponentialDecayLengthPenalty
        ForcedBOSTokenLogitsProcessor ForcedEOSTokenLogitsProcessor GenerationConfig GenerationMixin
        InfNanRemoveLogitsProcessor LogitNormalization LogitsProcessor LogitsProcessorList
        MaxLengthCriteria MaxTimeCriteria MinLengthLogitsProcessor MinNewTokensLengthLogitsProcessor
        MinPLogitsWarper NoBadWordsLogitsProcessor NoRepeatNGramLogitsProcessor
        PrefixConstrainedLogitsProcessor RepetitionPenaltyLogitsProcessor
        SequenceBiasLogitsProcessor StopStringCriteria StoppingCriteria StoppingCriteriaList
        SuppressTokensAtBeginLogitsProcessor SuppressTokensLogitsProcessor TemperatureLogitsWarper
        TextIteratorStreamer TextStreamer TopKLogitsWarper TopPLogitsWarper TypicalLogitsWarper
        UnbatchedClassifierFreeGuidanceLogitsProcessor
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
        HfArgumentParser IntervalStrategy PredictionOutput PrinterCallback ProgressCallback SchedulerType
        Seq2SeqTrainer Seq2SeqTrainingArguments Trainer TrainerCallback TrainerControl TrainerState
        TrainingArguments default_data_collator
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
    found = {name: "pretrained.auto" for name in _auto_models()}
    for task in TASKS.values():
        module, _, name = task.home.partition(":")
        found |= _existing(f"pipelines.{module}", [name])
    for module, names in PUBLIC.items():
        found |= _existing(module, names.split())
    return dict(sorted(found.items()))


def _auto_models() -> Iterator[str]:
    module = import_module("hubformer.pretrained.auto")
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


# The stubs: __init__.pyi, and in _types/ what several families share and one file for each of them


def stub_texts() -> dict[str, str]:
    """Path in the package -> content, of every stub."""
    found = sorted(every_family(), key=lambda family: family.model_type)
    shared = {argument_names(head): head for one in reversed(found) for head in reversed(one.heads)}
    names = {arguments: f"ArgumentsOf{head.name}" for arguments, head in shared.items()}
    files = {_stem(one): _family_stub(one, names) for one in found}
    return {
        "__init__.pyi": _init_stub(sorted(files)),
        f"{STUBS}/__init__.pyi": '"""The classes of families for mypy and editors; no such module runs."""\n',
        f"{STUBS}/outputs.pyi": _outputs_stub(),
        f"{STUBS}/loading.pyi": _LOADING,
        f"{STUBS}/arguments.pyi": _arguments_stub({name: a for a, name in names.items()}),
        **{f"{STUBS}/{stem}.pyi": text for stem, text in files.items()},
    }


STUBS = "_types"
_WRITTEN = "Written by scripts/write_names.py."


def argument_names(head: Head) -> tuple[str, ...]:
    return head.arguments


def _stem(found: Family) -> str:
    return found.model_type.replace("-", "_")


def _init_stub(stems: list[str]) -> str:
    sources: dict[str, list[str]] = {f"hubformer.{STUBS}.{stem}": ["*"] for stem in stems}
    others: list[str] = []
    for name, kind in TOKENIZER_CLASSES.items():
        sources.setdefault(kind.__module__, []).append(name)
    for name, home in locations().items():
        module, _, own = home.partition(":")
        sources.setdefault(f"hubformer.{module}", []).append(own or name)
        if own:
            others.append(f"{name} = {own}")
    parts = [
        f'"""What mypy and editors know of `import hubformer`. {_WRITTEN}"""',
        "\n".join(line for source in sorted(sources) for line in _reexport(source, sources[source])),
        "__version__: str",
        *others,
    ]
    return "\n\n".join(parts) + "\n"


def _reexport(source: str, names: list[str]) -> list[str]:
    """A stub gives on what it imports by `*` or under its own name."""
    return _import(source, [name if name == "*" else f"{name} as {name}" for name in names])


def _import(source: str, names: list[str]) -> list[str]:
    start, names = f"from {source} import ", sorted(set(names))
    line = start + ", ".join(names)
    return [line] if len(line) <= WIDTH else [f"{start}(", *(f"    {name}," for name in names), ")"]


def _outputs_stub() -> str:
    """The outputs as a pass returns them: their logits are there."""
    kinds = {head.output.__name__: head.output for found in every_family() for head in found.heads}
    imports = ["from torch import Tensor", "from hubformer.models import outputs"]
    start = [f'"""What a pass returns: its logits are there. {_WRITTEN}"""', *imports]
    return "\n\n".join([*start, *(_output_class(kinds[name]) for name in sorted(kinds))]) + "\n"


def _output_class(kind: type[ModelOutput]) -> str:
    filled = [field.name for field in fields(kind) if field.name in FILLED]
    start = f"class {kind.__name__}(outputs.{kind.__name__}):"
    return "\n".join([start, *(f"    {name}: Tensor" for name in filled)]) if filled else f"{start} ..."


def _arguments_stub(lists: dict[str, tuple[str, ...]]) -> str:
    known = {field.name: field for field in fields(Inputs)}
    start = [
        f'"""The arguments of a pass, one class for each list of them. {_WRITTEN}"""',
        "from collections.abc import Sequence\nfrom typing import Any, Generic, TypeVar",
        "from torch import Tensor",
        "from hubformer.core import Cache",
        'Output = TypeVar("Output", covariant=True)',
    ]
    return "\n\n".join([*start, *(_arguments(name, lists[name], known) for name in sorted(lists))]) + "\n"


def _arguments(name: str, arguments: tuple[str, ...], known: Mapping[str, Any]) -> str:
    return "\n".join(
        [
            f"class {name}(Generic[Output]):",
            "    def forward(",
            "        self,",
            *(f"        {n}: {known[n].type} = {_shown(known[n].default)}," for n in arguments),
            "    ) -> Output: ...",
            "    __call__ = forward",
        ]
    )


def _family_stub(found: Family, names: Mapping[tuple[str, ...], str]) -> str:
    """The classes of one family."""
    config, own = f"{found.name}Config", f"{found.name}PreTrainedModel"
    bases = "Loading" if found.parts is None else "Loading, JoinedModel"
    heads = [_model_class(found, head, names[argument_names(head)]) for head in found.heads]
    classes = [
        _config_class(found),
        f"class {own}({bases}):\n    config: {config}\n" + "\n".join(_init(_taken(found))),
        *heads,
    ]
    uses = {
        "hubformer.pretrained.config": ["PreTrainedConfig" if found.parts is None else "JoinedConfig"],
        "hubformer.pretrained.joined": [] if found.parts is None else ["JoinedModel"],
        "hubformer.pretrained.model": [] if found.parts is None else ["PreTrainedModel"],
        f"hubformer.{STUBS}": ["outputs"],
        f"hubformer.{STUBS}.arguments": [names[argument_names(head)] for head in found.heads],
        f"hubformer.{STUBS}.loading": ["Loading"],
    }
    imports = [line for source in sorted(uses) if uses[source] for line in _import(source, uses[source])]
    parts = [
        f'"""{found.name}: its classes for mypy and editors. {_WRITTEN}"""',
        "from typing import Any",
        "\n".join(imports),
        *classes,
    ]
    return "\n\n".join(parts) + "\n"


_LOADING = (
    f'"""How a model comes from files. {_WRITTEN}"""'
    """

from collections.abc import Mapping
from os import PathLike
from typing import Any, Literal, overload

from torch import device as _device
from torch import dtype as _dtype
from typing_extensions import Self

from hubformer.models.config import PreTrainedConfig as _Config
from hubformer.pretrained.config import PreTrainedConfig
from hubformer.pretrained.model import PreTrainedModel

class Loading(PreTrainedModel):
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
        check_finite: bool = True,
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
    def from_config(cls, config: _Config, *, dtype: _dtype | str | None = None, **named: Any) -> Self: ...
"""
)


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


def _model_class(found: Family, head: Head, arguments: str) -> str:
    bases = f"{arguments}[outputs.{head.output.__name__}], {found.name}PreTrainedModel"
    start = f"class {head.name}({bases}):"
    if len(start) + 4 > WIDTH:
        start = f"class {head.name}(\n    {bases}\n):"
    if head.without is None:
        return f"{start} ..."
    return "\n".join([start, *_init([*_taken(found), "*", "add_pooling_layer: bool = True"])])


def texts() -> dict[str, str]:
    """Path in the package -> what this script writes there."""
    return {"names.py": names_text(), **stub_texts()}


def main() -> int:
    parser = argparse.ArgumentParser(description="Write names.py and the stubs.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if one is out of date")
    check = parser.parse_args().check
    written = texts()
    stale = [
        name
        for name, text in written.items()
        if not (PACKAGE / name).is_file() or (PACKAGE / name).read_text("utf-8") != text
    ]
    left = [path for path in (PACKAGE / STUBS).glob("*.pyi") if f"{STUBS}/{path.name}" not in written]
    for name in stale:
        if check:
            print(f"{name} is out of date. Run scripts/write_names.py.", file=sys.stderr)
        else:
            (PACKAGE / name).parent.mkdir(exist_ok=True)
            (PACKAGE / name).write_text(written[name], "utf-8")
            print(f"wrote {name}")
    for path in left:
        if check:
            print(f"{STUBS}/{path.name} is of no family. Run scripts/write_names.py.", file=sys.stderr)
        else:
            path.unlink()
    return int(check and bool(stale or left))


if __name__ == "__main__":
    sys.exit(main())
