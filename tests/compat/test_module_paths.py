"""transformers' module paths under hubformer: what is there is ours, what is not says what to do."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import hubformer
from hubformer.compat.absent_names import ABSENT
from hubformer.compat.stand_ins import is_stand_in
from hubformer.compat.table import MODULES
from hubformer.errors import NotProvided

IMPORTS = [
    "from hubformer.utils import logging, is_torch_available, WEIGHTS_NAME, ModelOutput, cached_file",
    "from hubformer.utils.versions import require_version",
    "from hubformer.file_utils import ModelOutput, is_torch_available",
    "from hubformer.modeling_outputs import SequenceClassifierOutput, BaseModelOutputWithPooling",
    "from hubformer.modeling_utils import PreTrainedModel",
    "from hubformer.configuration_utils import PretrainedConfig",
    "from hubformer.tokenization_utils import PreTrainedTokenizer, TruncationStrategy",
    "from hubformer.tokenization_utils_base import PreTrainedTokenizerBase, BatchEncoding, PaddingStrategy",
    "from hubformer.tokenization_utils_fast import PreTrainedTokenizerFast",
    "from hubformer.trainer import Trainer, TRAINER_STATE_NAME",
    "from hubformer.trainer_utils import get_last_checkpoint, EvalPrediction, set_seed, speed_metrics",
    "from hubformer.trainer_callback import TrainerCallback, CallbackHandler",
    "from hubformer.trainer_pt_utils import get_parameter_names, nested_detach, LabelSmoother",
    "from hubformer.training_args import TrainingArguments, ParallelMode",
    "from hubformer.training_args_seq2seq import Seq2SeqTrainingArguments",
    "from hubformer.data.data_collator import default_data_collator, DataCollatorMixin",
    "from hubformer.data import DataCollatorWithPadding, InputExample",
    "from hubformer.pipelines import pipeline, SUPPORTED_TASKS, Pipeline",
    "from hubformer.pipelines.base import Pipeline, GenericTensor",
    "from hubformer.pipelines.pt_utils import KeyDataset, KeyPairDataset",
    "from hubformer.models.bert.modeling_bert import BertModel, BertForMaskedLM",
    "from hubformer.models.bert.configuration_bert import BertConfig",
    "from hubformer.models.bert import BertTokenizerFast",
    "from hubformer.models.xlm_roberta.modeling_xlm_roberta import XLMRobertaModel",
    "from hubformer.models.openai.modeling_openai import OpenAIGPTModel",
    "from hubformer.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES",
    "from hubformer.generation import GenerationConfig, LogitsProcessorList",
    "from hubformer.generation.stopping_criteria import StoppingCriteria, StoppingCriteriaList",
    "from hubformer.integrations import is_wandb_available, WandbCallback",
    "from hubformer.optimization import Adafactor, get_scheduler",
    "from hubformer.activations import ACT2FN",
    "from hubformer.pytorch_utils import Conv1D, ALL_LAYERNORM_LAYERS",
    "from hubformer import logging, CONFIG_MAPPING, MODEL_FOR_MASKED_LM_MAPPING, TextDataset",
    "from hubformer import is_torch_xla_available, CONFIG_NAME, enable_full_determinism",
]


@pytest.mark.parametrize("line", IMPORTS)
def test_what_public_code_imports_is_ours(line: str) -> None:
    found: dict[str, object] = {}
    exec(line, found)
    names = [name.strip() for name in line.partition(" import ")[2].split(",")]
    for name in names:
        assert not is_stand_in(found[name]), name


@pytest.mark.parametrize("path", sorted(MODULES))
def test_every_row_of_the_table_is_there(path: str) -> None:
    for module, names in MODULES[path].items():
        loaded = importlib.import_module(f"hubformer.{module}")
        for entry in names.split():
            name, renamed, own = entry.partition("=")
            where = loaded if renamed and not own else getattr(loaded, own or name)
            served = importlib.import_module(f"hubformer.{path}" if path else "hubformer")
            assert getattr(served, name) is not None, name
            assert where is not None, name


def test_one_module_has_one_object() -> None:
    import hubformer.utils.logging as by_path
    from hubformer.utils import logging as by_name

    assert by_path is by_name is hubformer.logging


def test_a_real_module_keeps_its_own_names_and_answers_for_the_tables() -> None:
    import hubformer.data

    assert Path(hubformer.data.__file__).name == "__init__.py"
    assert hubformer.data.DataCollatorWithPadding is hubformer.DataCollatorWithPadding


def test_modules_are_reached_as_attributes() -> None:
    code = "import hubformer; print(hubformer.models.bert.modeling_bert.BertModel is hubformer.BertModel)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "True\n"


def test_all_names_of_a_path_with_a_star() -> None:
    found: dict[str, object] = {}
    exec("from hubformer.models.bert.modeling_bert import *", found)
    assert found["BertForMaskedLM"] is hubformer.BertForMaskedLM
    assert "GPT2Model" not in found


@pytest.mark.parametrize(
    ("line", "nearest"),
    [
        ("from hubformer import BertForSequenceClasification", "BertForSequenceClassification"),
        ("from hubformer.utils import lgging", "logging"),
        ("from hubformer.data import DataCollatorWithPading", "DataCollatorWithPadding"),
    ],
)
def test_an_unknown_name_says_the_nearest(line: str, nearest: str) -> None:
    with pytest.raises(ImportError, match=f"Did you mean '{nearest}'"):
        exec(line)


def test_unknown_things_are_absent_as_usual() -> None:
    assert not hasattr(hubformer, "nothing_of_this_name")
    assert importlib.util.find_spec("hubformer.no_such_module") is None
    with pytest.raises(ModuleNotFoundError, match=r"hubformer\.no_such_module"):
        importlib.import_module("hubformer.no_such_module")


@pytest.mark.parametrize(
    "name", ["ViTModel", "TFBertModel", "FlaxGPT2Model", "BitsAndBytesConfig", "AutoProcessor"]
)
def test_what_hubformer_has_not_imports_and_says_so_when_used(name: str) -> None:
    kind = getattr(hubformer, name)
    assert not isinstance(hubformer, kind)
    assert not hasattr(kind, "from_pretrained")
    assert list[kind] is not None  # in annotations
    assert kind | None
    for use in (lambda: kind(), lambda: kind.from_pretrained, lambda: type("Mine", (kind,), {})):
        with pytest.raises(NotProvided, match=f"hubformer has no {name}\\. \\w+ .*\\."):
            use()


def test_a_family_that_is_absent_imports_by_its_path() -> None:
    from hubformer.models.whisper.modeling_whisper import WhisperForConditionalGeneration

    with pytest.raises(NotProvided, match="WhisperForConditionalGeneration"):
        WhisperForConditionalGeneration()


def test_advice_is_a_sentence() -> None:
    for name, advice in ABSENT.items():
        assert advice[0].isupper() or advice.startswith("hubformer"), name
        assert advice.endswith("."), name
