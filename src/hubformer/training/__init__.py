"""Training under v4's names: the Trainer, its arguments, callbacks, collators, optimizers and schedules."""

from hubformer.errors import TrainingDiverged
from hubformer.training.argument_parser import HfArg, HfArgumentParser, string_to_bool
from hubformer.training.arguments import IntervalStrategy, TrainingArguments
from hubformer.training.callbacks import (
    CallbackHandler,
    DefaultFlowCallback,
    EarlyStoppingCallback,
    ExportableState,
    PrinterCallback,
    ProgressCallback,
    TrainerCallback,
)
from hubformer.training.collate import (
    DataCollator,
    DataCollatorForMultipleChoice,
    DataCollatorForSeq2Seq,
    DataCollatorForTokenClassification,
    DataCollatorWithPadding,
    DefaultDataCollator,
    default_data_collator,
)
from hubformer.training.masking import (
    DataCollatorForLanguageModeling,
    DataCollatorForPermutationLanguageModeling,
    DataCollatorForSpanCorruption,
    DataCollatorForWholeWordMask,
)
from hubformer.training.optimizer import Adafactor, parameter_groups
from hubformer.training.packing import DataCollatorWithFlattening, packed_blocks
from hubformer.training.randomness import set_seed
from hubformer.training.replaced_tokens import ReplacedTokens
from hubformer.training.schedules import (
    SchedulerType,
    get_constant_schedule,
    get_constant_schedule_with_warmup,
    get_cosine_schedule_with_warmup,
    get_cosine_with_hard_restarts_schedule_with_warmup,
    get_inverse_sqrt_schedule,
    get_linear_schedule_with_warmup,
    get_polynomial_decay_schedule_with_warmup,
    get_scheduler,
)
from hubformer.training.sequence_to_sequence import Seq2SeqTrainer, Seq2SeqTrainingArguments
from hubformer.training.state import (
    EvalPrediction,
    PredictionOutput,
    TrainerControl,
    TrainerState,
    TrainOutput,
)
from hubformer.training.trainer import Trainer

__all__ = [
    "Adafactor",
    "CallbackHandler",
    "DataCollator",
    "DataCollatorForLanguageModeling",
    "DataCollatorForMultipleChoice",
    "DataCollatorForPermutationLanguageModeling",
    "DataCollatorForSeq2Seq",
    "DataCollatorForSpanCorruption",
    "DataCollatorForTokenClassification",
    "DataCollatorForWholeWordMask",
    "DataCollatorWithFlattening",
    "DataCollatorWithPadding",
    "DefaultDataCollator",
    "DefaultFlowCallback",
    "EarlyStoppingCallback",
    "EvalPrediction",
    "ExportableState",
    "HfArg",
    "HfArgumentParser",
    "IntervalStrategy",
    "PredictionOutput",
    "PrinterCallback",
    "ProgressCallback",
    "ReplacedTokens",
    "SchedulerType",
    "Seq2SeqTrainer",
    "Seq2SeqTrainingArguments",
    "TrainOutput",
    "Trainer",
    "TrainerCallback",
    "TrainerControl",
    "TrainerState",
    "TrainingArguments",
    "TrainingDiverged",
    "default_data_collator",
    "get_constant_schedule",
    "get_constant_schedule_with_warmup",
    "get_cosine_schedule_with_warmup",
    "get_cosine_with_hard_restarts_schedule_with_warmup",
    "get_inverse_sqrt_schedule",
    "get_linear_schedule_with_warmup",
    "get_polynomial_decay_schedule_with_warmup",
    "get_scheduler",
    "packed_blocks",
    "parameter_groups",
    "set_seed",
    "string_to_bool",
]
