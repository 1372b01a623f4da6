"""Names of transformers 4.57 that hubformer has no object for, by what to do instead. Data only."""

from __future__ import annotations

_OTHER_INPUTS = "hubformer takes text; images, sound and video need another library."
_QUANTIZED = (
    'Load the model as it is; `quantize="int8"` on from_pretrained and pipeline() is what hubformer offers.'
)
_OWN_LOOP = (
    "Pass a LogitsProcessor or StoppingCriteria of your own to `generate`; hubformer has none of this kind."
)
_SAVED_BY_TRAINER = "Trainer reports to the console, TensorBoard, Weights & Biases and MLflow by `report_to`."

_BY_ADVICE = {
    _OTHER_INPUTS: """
        AutoBackbone AutoFeatureExtractor AutoImageProcessor AutoProcessor AutoVideoProcessor
        AutoModelForAudioClassification AutoModelForAudioFrameClassification AutoModelForAudioTokenization
        AutoModelForAudioXVector AutoModelForCTC AutoModelForDepthEstimation
        AutoModelForDocumentQuestionAnswering AutoModelForImageClassification AutoModelForImageSegmentation
        AutoModelForImageTextToText AutoModelForImageToImage AutoModelForInstanceSegmentation
        AutoModelForKeypointDetection AutoModelForKeypointMatching AutoModelForMaskGeneration
        AutoModelForMaskedImageModeling AutoModelForObjectDetection AutoModelForSemanticSegmentation
        AutoModelForSpeechSeq2Seq AutoModelForTableQuestionAnswering AutoModelForTextToSpectrogram
        AutoModelForTextToWaveform AutoModelForTimeSeriesPrediction AutoModelForUniversalSegmentation
        AutoModelForVideoClassification AutoModelForVision2Seq AutoModelForVisualQuestionAnswering
        AutoModelForZeroShotImageClassification AutoModelForZeroShotObjectDetection
        AudioClassificationPipeline AutomaticSpeechRecognitionPipeline DepthEstimationPipeline
        DocumentQuestionAnsweringPipeline ImageClassificationPipeline ImageFeatureExtractionPipeline
        ImageSegmentationPipeline ImageTextToTextPipeline ImageToImagePipeline ImageToTextPipeline
        KeypointMatchingPipeline MaskGenerationPipeline ObjectDetectionPipeline
        TableQuestionAnsweringPipeline TextToAudioPipeline VideoClassificationPipeline
        VisualQuestionAnsweringPipeline ZeroShotAudioClassificationPipeline
        ZeroShotImageClassificationPipeline ZeroShotObjectDetectionPipeline BaseImageProcessor
        BaseImageProcessorFast BaseVideoProcessor BatchFeature FeatureExtractionMixin
        ImageFeatureExtractionMixin ImageProcessingMixin ProcessorMixin SequenceFeatureExtractor
        center_to_corners_format load_image ChannelDimension PILImageResampling ffmpeg_microphone_live
        ffmpeg_read chunk_bytes_iter Gemma3ForConditionalGeneration Gemma3Processor Gemma3ImageProcessor
        Gemma3Config
    """,
    _QUANTIZED: """
        AqlmConfig AutoRoundConfig AwqConfig BitNetQuantConfig BitsAndBytesConfig CompressedTensorsConfig
        EetqConfig FPQuantConfig FbgemmFp8Config FineGrainedFP8Config GPTQConfig HiggsConfig HqqConfig
        Mxfp4Config QuantoConfig QuarkConfig SpQRConfig TorchAoConfig VptqConfig QuantizationMethod
        HfQuantizer
    """,
    _OWN_LOOP: """
        AlternatingCodebooksLogitsProcessor AsyncTextIteratorStreamer BayesianDetectorConfig
        BayesianDetectorModel BeamScorer BeamSearchScorer ClassifierFreeGuidanceLogitsProcessor
        CompileConfig ConfidenceCriteria ConstrainedBeamSearchScorer Constraint ConstraintListState
        DisjunctiveConstraint EncoderNoRepeatNGramLogitsProcessor EncoderRepetitionPenaltyLogitsProcessor
        EpsilonLogitsWarper EtaLogitsWarper ExponentialDecayLengthPenalty ForcedBOSTokenLogitsProcessor
        ForcedEOSTokenLogitsProcessor InfNanRemoveLogitsProcessor LogitNormalization MaxTimeCriteria
        MinLengthLogitsProcessor MinNewTokensLengthLogitsProcessor MinPLogitsWarper
        NoBadWordsLogitsProcessor NoRepeatNGramLogitsProcessor PhrasalConstraint
        PrefixConstrainedLogitsProcessor PromptLookupCandidateGenerator RepetitionPenaltyLogitsProcessor
        SequenceBiasLogitsProcessor StopStringCriteria SuppressTokensAtBeginLogitsProcessor
        SuppressTokensLogitsProcessor SynthIDTextWatermarkDetector SynthIDTextWatermarkLogitsProcessor
        SynthIDTextWatermarkingConfig TemperatureLogitsWarper TopKLogitsWarper TopPLogitsWarper
        TypicalLogitsWarper UnbatchedClassifierFreeGuidanceLogitsProcessor WatermarkDetector
        WatermarkLogitsProcessor WatermarkingConfig WhisperTimeStampLogitsProcessor
        AssistedCandidateGenerator BarkEosPrioritizerLogitsProcessor
        DiaClassifierFreeGuidanceLogitsProcessor DiaEOSChannelFilterLogitsProcessor
        DiaEOSDelayPatternLogitsProcessor CandidateGenerator AssistantToTargetTranslator
        AssistantVocabTranslatorCache AssistedCandidateGeneratorDifferentTokenizers
        UniversalSpeculativeDecodingGenerator GenerationMode _speculative_sampling
        validate_stopping_criteria
    """,
    "Pass `past_key_values` of one pass to the next, or call `generate`; the cache is hubformer's own.": """
        CacheLayerMixin ChunkedSlidingLayer DynamicCache DynamicLayer EncoderDecoderCache HQQQuantizedCache
        HQQQuantizedLayer HybridCache HybridChunkedCache OffloadedCache OffloadedStaticCache QuantizedCache
        QuantoQuantizedCache QuantoQuantizedLayer SinkCache SlidingWindowCache SlidingWindowLayer
        StaticCache StaticLayer StaticSlidingWindowLayer
    """,
    "hubformer chooses the attention kernel by what the hardware has; there is none to register.": """
        AttentionInterface AttentionMaskInterface ALL_ATTENTION_FUNCTIONS create_masks_for_generate
        create_causal_mask create_sliding_window_causal_mask create_bidirectional_mask ROPE_INIT_FUNCTIONS
        dynamic_rope_update GradientCheckpointingLayer _prepare_4d_causal_attention_mask
        _prepare_4d_attention_mask
    """,
    "hubformer reads torch and safetensors files only; convert the checkpoint with transformers first.": """
        SLOW_TO_FAST_CONVERTERS convert_slow_tokenizer convert_tiktoken_to_fast
        convert_tf_weight_name_to_pt_weight_name load_pytorch_checkpoint_in_tf2_model
        load_pytorch_model_in_tf2_model load_pytorch_weights_in_tf2_model
        load_tf2_checkpoint_in_pytorch_model load_tf2_model_in_pytorch_model
        load_tf2_weights_in_pytorch_model load_tf_weights_in_bert load_tf_weights_in_gpt2
        load_tf_weights_in_t5 load_tf_weights_in_xlnet
    """,
    "hubformer runs on torch only.": """
        AdamWeightDecay GradientAccumulator KerasMetricCallback PushToHubCallback WarmUp create_optimizer
        shape_list
    """,
    "Use torch.export on the model; its forward takes tensors and no other objects.": """
        TorchExportableModuleWithStaticCache convert_and_export_with_cache symbolic_trace OnnxConfig
        Seq2SeqLMExportableModule Seq2SeqLMEncoderExportableModule
        Seq2SeqLMDecoderExportableModuleWithStaticCache
    """,
    "Use the `datasets` library with a metric of hubformer or of `evaluate`.": """
        GlueDataTrainingArguments GlueDataset LineByLineWithRefDataset LineByLineWithSOPTextDataset
        SquadDataTrainingArguments SquadDataset TextDatasetForNextSentencePrediction SquadExample
        SquadFeatures SquadV1Processor SquadV2Processor glue_compute_metrics
        glue_convert_examples_to_features glue_output_modes glue_processors glue_tasks_num_labels
        squad_convert_examples_to_features xnli_compute_metrics xnli_output_modes xnli_processors
        xnli_tasks_num_labels DataCollatorForSOP
    """,
    "Read and write files with `datasets` or `hubformer run`.": """
        CsvPipelineDataFormat JsonPipelineDataFormat PipedPipelineDataFormat PipelineDataFormat
    """,
    _SAVED_BY_TRAINER: """
        AzureMLCallback ClearMLCallback CodeCarbonCallback CometCallback DVCLiveCallback DagsHubCallback
        FlyteCallback NeptuneCallback NotebookProgressCallback SwanLabCallback TrackioCallback
        SigOptCallback
    """,
    "Use torch's FSDP or `accelerate` for this; hubformer has no DeepSpeed, SageMaker or apex backend.": """
        HfDeepSpeedConfig HfTrainerDeepSpeedConfig SageMakerTrainer SageMakerTrainingArguments
        ReplicateParallel ALL_HYPERPARAMETER_SEARCH_BACKENDS
    """,
    "Write your own model with torch; hubformer has none of transformers' inner functions.": """
        WAV2VEC2_ADAPTER_SAFE_FILE _compute_mask_indices _sample_negative_indices group_layers_by_attn_type
        build_attention_mask apply_tesseract chunk_iter TrialShortNamer _get_tied_weight_keys
        _FX_SUPPORTED_MODELS_WITH_KV_CACHE _pad _is_control _is_punctuation _is_whitespace ForCausalLMLoss
        VOCAB_FILES_NAMES DataClass DataClassType
    """,
    "No code of a repository is ever run; write the class in your own program and register it.": """
        get_class_from_dynamic_module get_relative_import_files custom_object_save
    """,
    "Use AutoModelForCausalLM, AutoModelForMaskedLM or AutoModelForSeq2SeqLM.": "AutoModelWithLMHead",
    "Use AutoTokenizer: it reads the tokenizer.json of this family.": """
        BasicTokenizer BertJapaneseTokenizer BlenderbotSmallTokenizer BlenderbotSmallTokenizerFast
        BloomTokenizerFast FlaubertTokenizer GPTNeoXTokenizerFast GemmaTokenizer GemmaTokenizerFast
        MT5Tokenizer MT5TokenizerFast Qwen2Tokenizer Qwen2TokenizerFast WordpieceTokenizer XLMTokenizer
    """,
    "It is part of PreTrainedModel or PreTrainedTokenizerBase here; subclass that.": """
        EmbeddingAccessMixin GenerationMixin ModuleUtilsMixin PeftAdapterMixin PretrainedBartModel
        BartPretrainedModel SpecialTokensMixin
    """,
    "Write the card of a repository with `huggingface_hub.ModelCard`.": "ModelCard TrainingSummary",
    "Pass `lr_scheduler_type` to TrainingArguments, or a schedule of torch.": """
        AdafactorSchedule get_cosine_with_min_lr_schedule_with_warmup
        get_cosine_with_min_lr_schedule_with_warmup_lr_rate get_reduce_on_plateau_schedule get_wsd_schedule
    """,
    "Use GenerateDecoderOnlyOutput, which `generate` returns for every model.": """
        GenerateBeamEncoderDecoderOutput GenerateEncoderDecoderOutput
    """,
    "Name the task: `pipeline(task, model)`.": "get_task",
    "Print what a forward hook sees, or use hubformer's Trace.": "model_addition_debugger_context",
    "Trainer decides this by itself.": """
        AcceleratorConfig DistributedLengthGroupedSampler DistributedSamplerWithLoop EvalLoopContainer
        IterableDatasetShard LengthGroupedSampler RemoveColumnsCollator ShardSampler
    """,
    "A pipeline batches what it is given by itself: call it with a list, a Dataset or a generator.": """
        ArgumentHandler ChunkPipeline PipelineChunkIterator PipelineDataset PipelineIterator
        PipelinePackIterator QuestionAnsweringArgumentHandler TokenClassificationArgumentHandler
        ZeroShotClassificationArgumentHandler AggregationStrategy PipelineException
    """,
}
# Tables of models for inputs that hubformer does not take: empty, as code asks whether a model is in one.
EMPTY_MAPPINGS = frozenset(
    [
        "FEATURE_EXTRACTOR_MAPPING",
        "IMAGE_PROCESSOR_MAPPING",
        "PROCESSOR_MAPPING",
        "VIDEO_PROCESSOR_MAPPING",
        "PROCESSOR_MAPPING_NAMES",
        "MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING",
        "MODEL_FOR_AUDIO_FRAME_CLASSIFICATION_MAPPING",
        "MODEL_FOR_AUDIO_TOKENIZATION_MAPPING",
        "MODEL_FOR_AUDIO_XVECTOR_MAPPING",
        "MODEL_FOR_BACKBONE_MAPPING",
        "MODEL_FOR_CAUSAL_IMAGE_MODELING_MAPPING",
        "MODEL_FOR_CTC_MAPPING",
        "MODEL_FOR_DEPTH_ESTIMATION_MAPPING",
        "MODEL_FOR_DOCUMENT_QUESTION_ANSWERING_MAPPING",
        "MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING",
        "MODEL_FOR_IMAGE_MAPPING",
        "MODEL_FOR_IMAGE_SEGMENTATION_MAPPING",
        "MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING",
        "MODEL_FOR_IMAGE_TO_IMAGE_MAPPING",
        "MODEL_FOR_INSTANCE_SEGMENTATION_MAPPING",
        "MODEL_FOR_KEYPOINT_DETECTION_MAPPING",
        "MODEL_FOR_KEYPOINT_MATCHING_MAPPING",
        "MODEL_FOR_MASKED_IMAGE_MODELING_MAPPING",
        "MODEL_FOR_MASK_GENERATION_MAPPING",
        "MODEL_FOR_OBJECT_DETECTION_MAPPING",
        "MODEL_FOR_RETRIEVAL_MAPPING",
        "MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING",
        "MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING",
        "MODEL_FOR_TABLE_QUESTION_ANSWERING_MAPPING",
        "MODEL_FOR_TEXT_TO_SPECTROGRAM_MAPPING",
        "MODEL_FOR_TEXT_TO_WAVEFORM_MAPPING",
        "MODEL_FOR_TIME_SERIES_CLASSIFICATION_MAPPING",
        "MODEL_FOR_TIME_SERIES_PREDICTION_MAPPING",
        "MODEL_FOR_TIME_SERIES_REGRESSION_MAPPING",
        "MODEL_FOR_UNIVERSAL_SEGMENTATION_MAPPING",
        "MODEL_FOR_VIDEO_CLASSIFICATION_MAPPING",
        "MODEL_FOR_VISION_2_SEQ_MAPPING",
        "MODEL_FOR_VISUAL_QUESTION_ANSWERING_MAPPING",
        "MODEL_FOR_ZERO_SHOT_IMAGE_CLASSIFICATION_MAPPING",
        "MODEL_FOR_ZERO_SHOT_OBJECT_DETECTION_MAPPING",
    ]
)
# name -> what to do instead
ABSENT = {name: advice for advice, names in _BY_ADVICE.items() for name in names.split()}
