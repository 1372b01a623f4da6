"""transformers 4.57's module paths -> where their names live in hubformer. Data only; `lookup.py` reads it.

A row is `path: {module of hubformer: names}`, with `theirs=ours` where hubformer's name is another, and
`name=` where the module itself is meant. hubformer's public names need no row: every path answers for them.
"""

from __future__ import annotations

import re

from hubformer.compat.absent_families import ABSENT_FAMILIES

MODULES: dict[str, dict[str, str]] = {
    "": {
        "core": "Cache",
        "compat.verbosity": "logging=",
        "compat.constants": """
            CONFIG_NAME MODEL_CARD_NAME PYTORCH_PRETRAINED_BERT_CACHE PYTORCH_TRANSFORMERS_CACHE
            SPIECE_UNDERLINE TF2_WEIGHTS_NAME TF_WEIGHTS_NAME TRANSFORMERS_CACHE WEIGHTS_NAME
        """,
        "compat.generic": "TensorType add_end_docstrings add_start_docstrings",
        "compat.auto": """
            CONFIG_MAPPING TOKENIZER_MAPPING MODEL_MAPPING MODEL_FOR_CAUSAL_LM_MAPPING
            MODEL_FOR_MASKED_LM_MAPPING MODEL_FOR_MULTIPLE_CHOICE_MAPPING
            MODEL_FOR_NEXT_SENTENCE_PREDICTION_MAPPING MODEL_FOR_PRETRAINING_MAPPING
            MODEL_FOR_QUESTION_ANSWERING_MAPPING MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING
            MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING
            MODEL_FOR_TEXT_ENCODING_MAPPING MODEL_WITH_LM_HEAD_MAPPING
        """,
        "compat.text_datasets": "LineByLineTextDataset TextDataset",
        "compat.examples": "DataProcessor InputExample InputFeatures",
        "compat.layers": "Conv1D apply_chunking_to_forward prune_layer",
        "compat.running": "enable_full_determinism torch_distributed_zero_first",
    },
    "activations": {"compat.functions": "ACT2FN get_activation gelu gelu_new swish silu=swish"},
    "cache_utils": {},
    "configuration_utils": {},
    "data": {
        "compat.examples": "DataProcessor InputExample InputFeatures SingleSentenceClassificationProcessor"
    },
    "data.data_collator": {
        "compat.collators": "DataCollatorMixin pad_without_fast_tokenizer_warning",
    },
    "data.datasets": {},
    "data.datasets.language_modeling": {},
    "data.metrics": {},
    "data.processors": {},
    "data.processors.squad": {},
    "data.processors.utils": {},
    "dynamic_module_utils": {},
    "feature_extraction_utils": {},
    "file_utils": {},
    "generation": {},
    "generation.beam_search": {},
    "generation.candidate_generator": {},
    "generation.configuration_utils": {},
    "generation.continuous_batching": {},
    "generation.continuous_batching.cache": {},
    "generation.continuous_batching.continuous_api": {},
    "generation.logits_process": {},
    "generation.stopping_criteria": {},
    "generation.streamers": {},
    "generation.utils": {},
    "hf_argparser": {"training": "HfArg HfArgumentParser string_to_bool"},
    "hyperparameter_search": {},
    "image_processing_utils": {},
    "image_transforms": {},
    "image_utils": {},
    "integrations": {
        "compat.integrations": """
            deepspeed_config is_deepspeed_zero3_enabled unset_hf_deepspeed_config
            get_available_reporting_integrations get_reporting_integration_callbacks
        """,
        "training.logging": "TensorBoardCallback WandbCallback MLflowCallback",
    },
    "integrations.deepspeed": {
        "compat.integrations": "deepspeed_config is_deepspeed_zero3_enabled unset_hf_deepspeed_config",
    },
    "integrations.executorch": {},
    "integrations.integration_utils": {
        "compat.integrations": "get_available_reporting_integrations get_reporting_integration_callbacks",
        "training.logging": "TensorBoardCallback WandbCallback MLflowCallback",
    },
    "integrations.peft": {},
    "integrations.tensor_parallel": {},
    "integrations.tiktoken": {},
    "deepspeed": {
        "compat.integrations": "deepspeed_config is_deepspeed_zero3_enabled unset_hf_deepspeed_config",
    },
    "loss": {},
    "loss.loss_utils": {},
    "masking_utils": {},
    "modelcard": {"compat.running": "make_markdown_table"},
    "modeling_attn_mask_utils": {},
    "modeling_layers": {},
    "modeling_outputs": {
        "models.outputs": """
            BaseModelOutput BaseModelOutputWithPast BaseModelOutputWithPastAndCrossAttentions
            BaseModelOutputWithPooling BaseModelOutputWithPoolingAndCrossAttentions CausalLMOutput
            CausalLMOutputWithCrossAttentions CausalLMOutputWithPast MaskedLMOutput
            MoeCausalLMOutputWithPast MoeModelOutputWithPast MultipleChoiceModelOutput
            NextSentencePredictorOutput QuestionAnsweringModelOutput Seq2SeqLMOutput Seq2SeqModelOutput
            Seq2SeqQuestionAnsweringModelOutput Seq2SeqSequenceClassifierOutput SequenceClassifierOutput
            SequenceClassifierOutputWithPast TokenClassifierOutput ModelOutput
        """,
    },
    "modeling_utils": {
        "compat.layers": """
            Conv1D apply_chunking_to_forward find_pruneable_heads_and_indices prune_layer
            get_parameter_device get_parameter_dtype unwrap_model no_init_weights load_state_dict
        """,
    },
    "models": {},
    "models.auto": {"compat.auto": "get_values"},
    "models.auto.auto_factory": {"compat.auto": "getattribute_from_module"},
    "models.auto.configuration_auto": {"compat.auto": "CONFIG_MAPPING_NAMES"},
    "models.auto.modeling_auto": {
        "compat.auto": """
            MODEL_MAPPING_NAMES MODEL_FOR_CAUSAL_LM_MAPPING_NAMES MODEL_FOR_MASKED_LM_MAPPING_NAMES
            MODEL_FOR_MULTIPLE_CHOICE_MAPPING_NAMES MODEL_FOR_NEXT_SENTENCE_PREDICTION_MAPPING_NAMES
            MODEL_FOR_PRETRAINING_MAPPING_NAMES MODEL_FOR_QUESTION_ANSWERING_MAPPING_NAMES
            MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES
            MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES
        """,
    },
    "models.auto.processing_auto": {},
    "models.auto.tokenization_auto": {},
    "onnx": {},
    "optimization": {},
    "pipelines": {"compat.tasks": "SUPPORTED_TASKS TASK_ALIASES check_task get_supported_tasks"},
    "pipelines.base": {"compat.tasks": "GenericTensor"},
    "pipelines.audio_utils": {},
    "pipelines.automatic_speech_recognition": {},
    "pipelines.document_question_answering": {},
    "pipelines.pt_utils": {"compat.columns": "KeyDataset KeyPairDataset"},
    "processing_utils": {},
    "pytorch_utils": {
        "compat.layers": """
            ALL_LAYERNORM_LAYERS Conv1D apply_chunking_to_forward find_pruneable_heads_and_indices
            id_tensor_storage prune_conv1d_layer prune_layer prune_linear_layer
        """,
    },
    "testing_utils": {"compat.testing": "CaptureLogger LoggingLevel torch_device"},
    "tokenization_utils": {"compat.generic": "TruncationStrategy PaddingStrategy"},
    "tokenization_utils_base": {
        "compat.generic": "TruncationStrategy PaddingStrategy TensorType ExplicitEnum"
    },
    "tokenization_utils_fast": {},
    "trainer": {
        "compat.constants": """
            TRAINING_ARGS_NAME TRAINER_STATE_NAME OPTIMIZER_NAME SCHEDULER_NAME
        """,
        "compat.running": "DEFAULT_CALLBACKS DEFAULT_PROGRESS_CALLBACK get_last_checkpoint",
    },
    "trainer_callback": {"training": "CallbackHandler ExportableState"},
    "trainer_pt_utils": {
        "compat.tensors": """
            find_batch_size nested_concat nested_detach nested_new_like nested_numpify nested_truncate
            numpy_pad_and_concatenate torch_pad_and_concatenate
        """,
        "compat.layers": "get_model_param_count get_parameter_names",
        "compat.running": "LabelSmoother",
    },
    "trainer_seq2seq": {},
    "trainer_utils": {
        "compat.constants": "PREFIX_CHECKPOINT_DIR",
        "compat.running": """
            BestRun HPSearchBackend SaveStrategy=IntervalStrategy EvaluationStrategy=IntervalStrategy
            default_compute_objective denumpify_detensorize find_executable_batch_size get_last_checkpoint
            has_length is_main_process number_of_arguments seed_worker speed_metrics total_processes_number
        """,
        "training": "TrainOutput",
        "training.state": "EvalLoopOutput",
        "compat.layers": "check_target_module_exists",
    },
    "training_args": {"compat.running": "OptimizerNames ParallelMode default_logdir"},
    "training_args_seq2seq": {},
    "utils": {
        "compat.verbosity": "logging=",
        "compat.constants": """
            FLAX_WEIGHTS_NAME GENERATION_CONFIG_NAME HF_MODULES_CACHE SAFE_WEIGHTS_INDEX_NAME
            SAFE_WEIGHTS_NAME WEIGHTS_INDEX_NAME ADAPTER_CONFIG_NAME ADAPTER_WEIGHTS_NAME
            ADAPTER_SAFE_WEIGHTS_NAME DUMMY_INPUTS DUMMY_MASK SENTENCEPIECE_UNDERLINE default_cache_path
            ENV_VARS_TRUE_VALUES CHAT_TEMPLATE_NAME MULTIPLE_CHOICE_DUMMY_INPUTS
        """,
        "compat.generic": """
            ContextManagers ExplicitEnum PaddingStrategy add_code_sample_docstrings
            add_start_docstrings_to_model_forward cached_property copy_func is_numpy_array is_tensor
            is_torch_device is_torch_tensor replace_return_docstrings requires_backends
            send_example_telemetry strtobool to_numpy to_py_obj expand_dims flatten_dict
        """,
        "compat.availability": """
            is_in_notebook is_offline_mode is_sagemaker_mp_enabled is_torch_fx_proxy
            is_torch_greater_or_equal is_training_run_on_sagemaker is_huggingface_hub_greater_or_equal
            _is_package_available NLTK_IMPORT_ERROR SCIPY_IMPORT_ERROR
            is_torch_bf16_available_on_device is_torch_fp16_available_on_device
            is_torchdynamo_compiling is_torchdynamo_exporting check_torch_load_is_safe
            direct_transformers_import
        """,
        "compat.versions": """
            ACCELERATE_MIN_VERSION GGUF_MIN_VERSION TRITON_MIN_VERSION check_min_version get_torch_version
            torch_version
        """,
        "compat.repositories": """
            cached_file PushToHubMixin get_checkpoint_shard_files has_file http_user_agent
            find_adapter_config_file
        """,
        "models.outputs": "ModelOutput",
    },
    "utils.constants": {},
    "utils.doc": {},
    "utils.fx": {},
    "utils.generic": {},
    "utils.hp_naming": {},
    "utils.hub": {},
    "utils.import_utils": {},
    "utils.logging": {},  # served as a module of its own, below
    "utils.notebook": {},
    "utils.peft_utils": {},
    "utils.quantization_config": {},
    "utils.versions": {"compat.versions": "require_version require_version_core"},
}
# Paths that are one of hubformer's modules as it stands.
SAME = {"utils.logging": "compat.verbosity"}
# model_type -> its folder in transformers.models, where that is not the type with "_" for "-"
FOLDERS = {"openai-gpt": "openai", "gemma3_text": "gemma3"}
_ONLY_TOKENIZERS = ("mbart50", "nllb", "bert_japanese", "bertweet", "byt5", "phobert", "barthez", "herbert")
_KINDS = ("modeling", "configuration", "tokenization", "processing", "image_processing", "feature_extraction")
_INNER = re.compile(
    r"^[A-Z]\w+(Layer|Attention\w*|Embeddings?|Encoder|Decoder|Stack|Pooler|MLP|Block|Intermediate|"
    r"Output|Norm|Head\w*|Heads|Transform|Module|FFN|Experts|SparseMoeBlock)$"
)


def is_path(path: str) -> bool:
    """Whether transformers 4.57 has a module there: `trainer_utils`, `models.bert.modeling_bert`."""
    if path in MODULES:
        return True
    parts = path.split(".")
    if parts[0] != "models" or len(parts) not in (2, 3) or parts[1] not in _folders():
        return False
    return len(parts) == 2 or parts[2].removesuffix("_fast") in {f"{kind}_{parts[1]}" for kind in _KINDS}


def inner_class(name: str) -> bool:
    """Whether a name is, by its form, a module inside a model: `BertSelfAttention`."""
    return _INNER.match(name) is not None


def _folders() -> frozenset[str]:
    global _FOUND
    if _FOUND is None:
        from hubformer.names import FAMILY_CLASSES

        types = set(FAMILY_CLASSES.values())
        ours = {FOLDERS.get(kind, kind.replace("-", "_")) for kind in types}
        _FOUND = frozenset({*ours, *ABSENT_FAMILIES, *_ONLY_TOKENIZERS})
    return _FOUND


_FOUND: frozenset[str] | None = None
