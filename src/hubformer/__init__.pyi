"""What mypy and editors know of `import hubformer`. Written by scripts/write_names.py."""

from hubformer._types.albert import *
from hubformer._types.bart import *
from hubformer._types.bert import *
from hubformer._types.big_bird import *
from hubformer._types.blenderbot import *
from hubformer._types.blenderbot_small import *
from hubformer._types.bloom import *
from hubformer._types.camembert import *
from hubformer._types.deberta import *
from hubformer._types.deberta_v2 import *
from hubformer._types.distilbert import *
from hubformer._types.electra import *
from hubformer._types.encoder_decoder import *
from hubformer._types.falcon import *
from hubformer._types.flaubert import *
from hubformer._types.gemma import *
from hubformer._types.gemma2 import *
from hubformer._types.gemma3_text import *
from hubformer._types.gpt2 import *
from hubformer._types.gpt_bigcode import *
from hubformer._types.gpt_neo import *
from hubformer._types.gpt_neox import *
from hubformer._types.gptj import *
from hubformer._types.granite import *
from hubformer._types.gte import *
from hubformer._types.jina_bert import *
from hubformer._types.led import *
from hubformer._types.llama import *
from hubformer._types.longformer import *
from hubformer._types.m2m_100 import *
from hubformer._types.marian import *
from hubformer._types.mbart import *
from hubformer._types.mistral import *
from hubformer._types.mixtral import *
from hubformer._types.modernbert import *
from hubformer._types.mpnet import *
from hubformer._types.mt5 import *
from hubformer._types.nomic_bert import *
from hubformer._types.olmo2 import *
from hubformer._types.openai_gpt import *
from hubformer._types.opt import *
from hubformer._types.pegasus import *
from hubformer._types.phi import *
from hubformer._types.phi3 import *
from hubformer._types.qwen2 import *
from hubformer._types.qwen3 import *
from hubformer._types.qwen3_moe import *
from hubformer._types.roberta import *
from hubformer._types.smollm3 import *
from hubformer._types.stablelm import *
from hubformer._types.starcoder2 import *
from hubformer._types.t5 import *
from hubformer._types.umt5 import *
from hubformer._types.xlm import *
from hubformer._types.xlm_roberta import *
from hubformer._types.xlnet import *
from hubformer.adapters import LoraConfig as LoraConfig
from hubformer.compat.switch import as_transformers as as_transformers
from hubformer.embeddings import SentenceEncoder as SentenceEncoder
from hubformer.errors import (
    CheckpointError as CheckpointError,
    ConfigError as ConfigError,
    HubError as HubError,
    HubformerError as HubformerError,
    InputError as InputError,
    MissingPackage as MissingPackage,
    TrainingDiverged as TrainingDiverged,
    UnknownArgument as UnknownArgument,
    UnknownName as UnknownName,
)
from hubformer.generation import (
    AsyncTextIteratorStreamer as AsyncTextIteratorStreamer,
    BaseStreamer as BaseStreamer,
    ClassifierFreeGuidanceLogitsProcessor as ClassifierFreeGuidanceLogitsProcessor,
    EncoderNoRepeatNGramLogitsProcessor as EncoderNoRepeatNGramLogitsProcessor,
    EncoderRepetitionPenaltyLogitsProcessor as EncoderRepetitionPenaltyLogitsProcessor,
    EosTokenCriteria as EosTokenCriteria,
    EpsilonLogitsWarper as EpsilonLogitsWarper,
    EtaLogitsWarper as EtaLogitsWarper,
    ExponentialDecayLengthPenalty as ExponentialDecayLengthPenalty,
    ForcedBOSTokenLogitsProcessor as ForcedBOSTokenLogitsProcessor,
    ForcedEOSTokenLogitsProcessor as ForcedEOSTokenLogitsProcessor,
    GenerationConfig as GenerationConfig,
    GenerationMixin as GenerationMixin,
    InfNanRemoveLogitsProcessor as InfNanRemoveLogitsProcessor,
    LogitNormalization as LogitNormalization,
    LogitsProcessor as LogitsProcessor,
    LogitsProcessorList as LogitsProcessorList,
    MaxLengthCriteria as MaxLengthCriteria,
    MaxTimeCriteria as MaxTimeCriteria,
    MinLengthLogitsProcessor as MinLengthLogitsProcessor,
    MinNewTokensLengthLogitsProcessor as MinNewTokensLengthLogitsProcessor,
    MinPLogitsWarper as MinPLogitsWarper,
    NoBadWordsLogitsProcessor as NoBadWordsLogitsProcessor,
    NoRepeatNGramLogitsProcessor as NoRepeatNGramLogitsProcessor,
    PrefixConstrainedLogitsProcessor as PrefixConstrainedLogitsProcessor,
    RepetitionPenaltyLogitsProcessor as RepetitionPenaltyLogitsProcessor,
    SequenceBiasLogitsProcessor as SequenceBiasLogitsProcessor,
    StopStringCriteria as StopStringCriteria,
    StoppingCriteria as StoppingCriteria,
    StoppingCriteriaList as StoppingCriteriaList,
    SuppressTokensAtBeginLogitsProcessor as SuppressTokensAtBeginLogitsProcessor,
    SuppressTokensLogitsProcessor as SuppressTokensLogitsProcessor,
    TemperatureLogitsWarper as TemperatureLogitsWarper,
    TextIteratorStreamer as TextIteratorStreamer,
    TextStreamer as TextStreamer,
    TopKLogitsWarper as TopKLogitsWarper,
    TopPLogitsWarper as TopPLogitsWarper,
    TypicalLogitsWarper as TypicalLogitsWarper,
    UnbatchedClassifierFreeGuidanceLogitsProcessor as UnbatchedClassifierFreeGuidanceLogitsProcessor,
)
from hubformer.pipelines import pipeline as pipeline
from hubformer.pipelines.base import Pipeline as Pipeline
from hubformer.pipelines.feature_extraction import FeatureExtractionPipeline as FeatureExtractionPipeline
from hubformer.pipelines.fill_mask import FillMaskPipeline as FillMaskPipeline
from hubformer.pipelines.question_answering import QuestionAnsweringPipeline as QuestionAnsweringPipeline
from hubformer.pipelines.registry import PIPELINE_REGISTRY as PIPELINE_REGISTRY
from hubformer.pipelines.text2text_generation import (
    SummarizationPipeline as SummarizationPipeline,
    Text2TextGenerationPipeline as Text2TextGenerationPipeline,
    TranslationPipeline as TranslationPipeline,
)
from hubformer.pipelines.text_classification import TextClassificationPipeline as TextClassificationPipeline
from hubformer.pipelines.text_generation import TextGenerationPipeline as TextGenerationPipeline
from hubformer.pipelines.token_classification import (
    TokenClassificationPipeline as TokenClassificationPipeline,
)
from hubformer.pipelines.zero_shot_classification import (
    ZeroShotClassificationPipeline as ZeroShotClassificationPipeline,
)
from hubformer.pretrained.auto import (
    AutoModel as AutoModel,
    AutoModelForCausalLM as AutoModelForCausalLM,
    AutoModelForMaskedLM as AutoModelForMaskedLM,
    AutoModelForMultipleChoice as AutoModelForMultipleChoice,
    AutoModelForNextSentencePrediction as AutoModelForNextSentencePrediction,
    AutoModelForPreTraining as AutoModelForPreTraining,
    AutoModelForQuestionAnswering as AutoModelForQuestionAnswering,
    AutoModelForSeq2SeqLM as AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification as AutoModelForSequenceClassification,
    AutoModelForTextEncoding as AutoModelForTextEncoding,
    AutoModelForTokenClassification as AutoModelForTokenClassification,
)
from hubformer.pretrained.config import AutoConfig as AutoConfig, PreTrainedConfig as PreTrainedConfig
from hubformer.pretrained.model import PreTrainedModel as PreTrainedModel
from hubformer.pretrained.tokenizer import AutoTokenizer as AutoTokenizer
from hubformer.tokenization import (
    AddedToken as AddedToken,
    BatchEncoding as BatchEncoding,
    CharSpan as CharSpan,
    TokenSpan as TokenSpan,
)
from hubformer.tokenization.named import (
    AlbertTokenizer as AlbertTokenizer,
    AlbertTokenizerFast as AlbertTokenizerFast,
    BartTokenizer as BartTokenizer,
    BartTokenizerFast as BartTokenizerFast,
    BertTokenizer as BertTokenizer,
    BertTokenizerFast as BertTokenizerFast,
    BigBirdTokenizer as BigBirdTokenizer,
    BigBirdTokenizerFast as BigBirdTokenizerFast,
    BlenderbotTokenizer as BlenderbotTokenizer,
    BlenderbotTokenizerFast as BlenderbotTokenizerFast,
    CamembertTokenizer as CamembertTokenizer,
    CamembertTokenizerFast as CamembertTokenizerFast,
    DebertaTokenizer as DebertaTokenizer,
    DebertaTokenizerFast as DebertaTokenizerFast,
    DebertaV2Tokenizer as DebertaV2Tokenizer,
    DebertaV2TokenizerFast as DebertaV2TokenizerFast,
    DistilBertTokenizer as DistilBertTokenizer,
    DistilBertTokenizerFast as DistilBertTokenizerFast,
    ElectraTokenizer as ElectraTokenizer,
    ElectraTokenizerFast as ElectraTokenizerFast,
    GPT2Tokenizer as GPT2Tokenizer,
    GPT2TokenizerFast as GPT2TokenizerFast,
    LEDTokenizer as LEDTokenizer,
    LEDTokenizerFast as LEDTokenizerFast,
    LlamaTokenizer as LlamaTokenizer,
    LlamaTokenizerFast as LlamaTokenizerFast,
    LongformerTokenizer as LongformerTokenizer,
    LongformerTokenizerFast as LongformerTokenizerFast,
    M2M100Tokenizer as M2M100Tokenizer,
    MBart50Tokenizer as MBart50Tokenizer,
    MBart50TokenizerFast as MBart50TokenizerFast,
    MBartTokenizer as MBartTokenizer,
    MBartTokenizerFast as MBartTokenizerFast,
    MPNetTokenizer as MPNetTokenizer,
    MPNetTokenizerFast as MPNetTokenizerFast,
    MarianTokenizer as MarianTokenizer,
    NllbTokenizer as NllbTokenizer,
    NllbTokenizerFast as NllbTokenizerFast,
    OpenAIGPTTokenizer as OpenAIGPTTokenizer,
    OpenAIGPTTokenizerFast as OpenAIGPTTokenizerFast,
    PegasusTokenizer as PegasusTokenizer,
    PegasusTokenizerFast as PegasusTokenizerFast,
    RobertaTokenizer as RobertaTokenizer,
    RobertaTokenizerFast as RobertaTokenizerFast,
    T5Tokenizer as T5Tokenizer,
    T5TokenizerFast as T5TokenizerFast,
    XLMRobertaTokenizer as XLMRobertaTokenizer,
    XLMRobertaTokenizerFast as XLMRobertaTokenizerFast,
    XLNetTokenizer as XLNetTokenizer,
    XLNetTokenizerFast as XLNetTokenizerFast,
)
from hubformer.tokenization.tokenizer import PreTrainedTokenizerFast as PreTrainedTokenizerFast
from hubformer.training import (
    Adafactor as Adafactor,
    DataCollator as DataCollator,
    DataCollatorForLanguageModeling as DataCollatorForLanguageModeling,
    DataCollatorForMultipleChoice as DataCollatorForMultipleChoice,
    DataCollatorForPermutationLanguageModeling as DataCollatorForPermutationLanguageModeling,
    DataCollatorForSeq2Seq as DataCollatorForSeq2Seq,
    DataCollatorForSpanCorruption as DataCollatorForSpanCorruption,
    DataCollatorForTokenClassification as DataCollatorForTokenClassification,
    DataCollatorForWholeWordMask as DataCollatorForWholeWordMask,
    DataCollatorWithFlattening as DataCollatorWithFlattening,
    DataCollatorWithPadding as DataCollatorWithPadding,
    DefaultDataCollator as DefaultDataCollator,
    DefaultFlowCallback as DefaultFlowCallback,
    EarlyStoppingCallback as EarlyStoppingCallback,
    EvalPrediction as EvalPrediction,
    HfArgumentParser as HfArgumentParser,
    IntervalStrategy as IntervalStrategy,
    PredictionOutput as PredictionOutput,
    PrinterCallback as PrinterCallback,
    ProgressCallback as ProgressCallback,
    SchedulerType as SchedulerType,
    Seq2SeqTrainer as Seq2SeqTrainer,
    Seq2SeqTrainingArguments as Seq2SeqTrainingArguments,
    Trainer as Trainer,
    TrainerCallback as TrainerCallback,
    TrainerControl as TrainerControl,
    TrainerState as TrainerState,
    TrainingArguments as TrainingArguments,
    default_data_collator as default_data_collator,
    get_constant_schedule as get_constant_schedule,
    get_constant_schedule_with_warmup as get_constant_schedule_with_warmup,
    get_cosine_schedule_with_warmup as get_cosine_schedule_with_warmup,
    get_cosine_with_hard_restarts_schedule_with_warmup as get_cosine_with_hard_restarts_schedule_with_warmup,
    get_inverse_sqrt_schedule as get_inverse_sqrt_schedule,
    get_linear_schedule_with_warmup as get_linear_schedule_with_warmup,
    get_polynomial_decay_schedule_with_warmup as get_polynomial_decay_schedule_with_warmup,
    get_scheduler as get_scheduler,
    packed_blocks as packed_blocks,
    set_seed as set_seed,
)

__version__: str

NerPipeline = TokenClassificationPipeline

PreTrainedTokenizer = PreTrainedTokenizerFast

PreTrainedTokenizerBase = PreTrainedTokenizerFast

PretrainedConfig = PreTrainedConfig
