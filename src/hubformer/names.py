"""Where each public name lives. Written by scripts/write_names.py; a test fails when it is out of date."""

LOCATIONS = {
    "Adafactor": "training",
    "AddedToken": "tokenization",
    "AsyncTextIteratorStreamer": "generation",
    "AutoConfig": "pretrained.config",
    "AutoModel": "pretrained.auto",
    "AutoModelForCausalLM": "pretrained.auto",
    "AutoModelForMaskedLM": "pretrained.auto",
    "AutoModelForMultipleChoice": "pretrained.auto",
    "AutoModelForNextSentencePrediction": "pretrained.auto",
    "AutoModelForPreTraining": "pretrained.auto",
    "AutoModelForQuestionAnswering": "pretrained.auto",
    "AutoModelForSeq2SeqLM": "pretrained.auto",
    "AutoModelForSequenceClassification": "pretrained.auto",
    "AutoModelForTextEncoding": "pretrained.auto",
    "AutoModelForTokenClassification": "pretrained.auto",
    "AutoTokenizer": "pretrained.tokenizer",
    "BaseStreamer": "generation",
    "BatchEncoding": "tokenization",
    "CharSpan": "tokenization",
    "CheckpointError": "errors",
    "ClassifierFreeGuidanceLogitsProcessor": "generation",
    "ConfigError": "errors",
    "DataCollator": "training",
    "DataCollatorForLanguageModeling": "training",
    "DataCollatorForMultipleChoice": "training",
    "DataCollatorForPermutationLanguageModeling": "training",
    "DataCollatorForSeq2Seq": "training",
    "DataCollatorForSpanCorruption": "training",
    "DataCollatorForTokenClassification": "training",
    "DataCollatorForWholeWordMask": "training",
    "DataCollatorWithFlattening": "training",
    "DataCollatorWithPadding": "training",
    "DefaultDataCollator": "training",
    "DefaultFlowCallback": "training",
    "EarlyStoppingCallback": "training",
    "EncoderNoRepeatNGramLogitsProcessor": "generation",
    "EncoderRepetitionPenaltyLogitsProcessor": "generation",
    "EosTokenCriteria": "generation",
    "EpsilonLogitsWarper": "generation",
    "EtaLogitsWarper": "generation",
    "EvalPrediction": "training",
    "ExponentialDecayLengthPenalty": "generation",
    "FeatureExtractionPipeline": "pipelines.feature_extraction",
    "FillMaskPipeline": "pipelines.fill_mask",
    "ForcedBOSTokenLogitsProcessor": "generation",
    "ForcedEOSTokenLogitsProcessor": "generation",
    "GenerationConfig": "generation",
    "GenerationMixin": "generation",
    "HfArgumentParser": "training",
    "HubError": "errors",
    "HubformerError": "errors",
    "InfNanRemoveLogitsProcessor": "generation",
    "InputError": "errors",
    "IntervalStrategy": "training",
    "LogitNormalization": "generation",
    "LogitsProcessor": "generation",
    "LogitsProcessorList": "generation",
    "LoraConfig": "adapters",
    "MaxLengthCriteria": "generation",
    "MaxTimeCriteria": "generation",
    "MinLengthLogitsProcessor": "generation",
    "MinNewTokensLengthLogitsProcessor": "generation",
    "MinPLogitsWarper": "generation",
    "MissingPackage": "errors",
    "NerPipeline": "pipelines.token_classification:TokenClassificationPipeline",
    "NoBadWordsLogitsProcessor": "generation",
    "NoRepeatNGramLogitsProcessor": "generation",
    "PIPELINE_REGISTRY": "pipelines.registry",
    "Pipeline": "pipelines.base",
    "PreTrainedConfig": "pretrained.config",
    "PreTrainedModel": "pretrained.model",
    "PreTrainedTokenizer": "tokenization.tokenizer:PreTrainedTokenizerFast",
    "PreTrainedTokenizerBase": "tokenization.tokenizer:PreTrainedTokenizerFast",
    "PredictionOutput": "training",
    "PrefixConstrainedLogitsProcessor": "generation",
    "PretrainedConfig": "pretrained.config:PreTrainedConfig",
    "PrinterCallback": "training",
    "ProgressCallback": "training",
    "QuestionAnsweringPipeline": "pipelines.question_answering",
    "RepetitionPenaltyLogitsProcessor": "generation",
    "SchedulerType": "training",
    "SentenceEncoder": "embeddings",
    "Seq2SeqTrainer": "training",
    "Seq2SeqTrainingArguments": "training",
    "SequenceBiasLogitsProcessor": "generation",
    "StopStringCriteria": "generation",
    "StoppingCriteria": "generation",
    "StoppingCriteriaList": "generation",
    "SummarizationPipeline": "pipelines.text2text_generation",
    "SuppressTokensAtBeginLogitsProcessor": "generation",
    "SuppressTokensLogitsProcessor": "generation",
    "TemperatureLogitsWarper": "generation",
    "Text2TextGenerationPipeline": "pipelines.text2text_generation",
    "TextClassificationPipeline": "pipelines.text_classification",
    "TextGenerationPipeline": "pipelines.text_generation",
    "TextIteratorStreamer": "generation",
    "TextStreamer": "generation",
    "TokenClassificationPipeline": "pipelines.token_classification",
    "TokenSpan": "tokenization",
    "TopKLogitsWarper": "generation",
    "TopPLogitsWarper": "generation",
    "Trainer": "training",
    "TrainerCallback": "training",
    "TrainerControl": "training",
    "TrainerState": "training",
    "TrainingArguments": "training",
    "TrainingDiverged": "errors",
    "TranslationPipeline": "pipelines.text2text_generation",
    "TypicalLogitsWarper": "generation",
    "UnbatchedClassifierFreeGuidanceLogitsProcessor": "generation",
    "UnknownArgument": "errors",
    "UnknownName": "errors",
    "ZeroShotClassificationPipeline": "pipelines.zero_shot_classification",
    "as_transformers": "compat.switch",
    "default_data_collator": "training",
    "get_constant_schedule": "training",
    "get_constant_schedule_with_warmup": "training",
    "get_cosine_schedule_with_warmup": "training",
    "get_cosine_with_hard_restarts_schedule_with_warmup": "training",
    "get_inverse_sqrt_schedule": "training",
    "get_linear_schedule_with_warmup": "training",
    "get_polynomial_decay_schedule_with_warmup": "training",
    "get_scheduler": "training",
    "packed_blocks": "training",
    "pipeline": "pipelines",
    "set_seed": "training",
}
_CLASSES = {
    "albert": """
        AlbertConfig
        AlbertPreTrainedModel
        AlbertModel
        AlbertForPreTraining
        AlbertForMaskedLM
        AlbertForSequenceClassification
        AlbertForTokenClassification
        AlbertForQuestionAnswering
        AlbertForMultipleChoice
    """,
    "bart": """
        BartConfig
        BartPreTrainedModel
        BartModel
        BartForConditionalGeneration
        BartForSequenceClassification
        BartForQuestionAnswering
        BartForCausalLM
    """,
    "bert": """
        BertConfig
        BertPreTrainedModel
        BertModel
        BertForPreTraining
        BertForMaskedLM
        BertLMHeadModel
        BertForNextSentencePrediction
        BertForSequenceClassification
        BertForMultipleChoice
        BertForTokenClassification
        BertForQuestionAnswering
    """,
    "big_bird": """
        BigBirdConfig
        BigBirdPreTrainedModel
        BigBirdModel
        BigBirdForPreTraining
        BigBirdForMaskedLM
        BigBirdForCausalLM
        BigBirdForSequenceClassification
        BigBirdForMultipleChoice
        BigBirdForTokenClassification
        BigBirdForQuestionAnswering
    """,
    "blenderbot": """
        BlenderbotConfig
        BlenderbotPreTrainedModel
        BlenderbotModel
        BlenderbotForConditionalGeneration
        BlenderbotForCausalLM
    """,
    "blenderbot-small": """
        BlenderbotSmallConfig
        BlenderbotSmallPreTrainedModel
        BlenderbotSmallModel
        BlenderbotSmallForConditionalGeneration
        BlenderbotSmallForCausalLM
    """,
    "bloom": """
        BloomConfig
        BloomPreTrainedModel
        BloomModel
        BloomForCausalLM
        BloomForSequenceClassification
        BloomForTokenClassification
        BloomForQuestionAnswering
    """,
    "camembert": """
        CamembertConfig
        CamembertPreTrainedModel
        CamembertModel
        CamembertForMaskedLM
        CamembertForCausalLM
        CamembertForSequenceClassification
        CamembertForMultipleChoice
        CamembertForTokenClassification
        CamembertForQuestionAnswering
    """,
    "deberta": """
        DebertaConfig
        DebertaPreTrainedModel
        DebertaModel
        DebertaForMaskedLM
        DebertaForSequenceClassification
        DebertaForTokenClassification
        DebertaForQuestionAnswering
    """,
    "deberta-v2": """
        DebertaV2Config
        DebertaV2PreTrainedModel
        DebertaV2Model
        DebertaV2ForMaskedLM
        DebertaV2ForSequenceClassification
        DebertaV2ForTokenClassification
        DebertaV2ForQuestionAnswering
        DebertaV2ForMultipleChoice
    """,
    "distilbert": """
        DistilBertConfig
        DistilBertPreTrainedModel
        DistilBertModel
        DistilBertForMaskedLM
        DistilBertForSequenceClassification
        DistilBertForQuestionAnswering
        DistilBertForTokenClassification
        DistilBertForMultipleChoice
    """,
    "electra": """
        ElectraConfig
        ElectraPreTrainedModel
        ElectraModel
        ElectraForPreTraining
        ElectraForMaskedLM
        ElectraForCausalLM
        ElectraForSequenceClassification
        ElectraForMultipleChoice
        ElectraForTokenClassification
        ElectraForQuestionAnswering
    """,
    "encoder-decoder": """
        EncoderDecoderConfig
        EncoderDecoderPreTrainedModel
        EncoderDecoderModel
    """,
    "falcon": """
        FalconConfig
        FalconPreTrainedModel
        FalconModel
        FalconForCausalLM
        FalconForSequenceClassification
        FalconForTokenClassification
        FalconForQuestionAnswering
    """,
    "flaubert": """
        FlaubertConfig
        FlaubertPreTrainedModel
        FlaubertModel
        FlaubertWithLMHeadModel
        FlaubertForSequenceClassification
        FlaubertForTokenClassification
        FlaubertForQuestionAnsweringSimple
        FlaubertForQuestionAnswering
        FlaubertForMultipleChoice
    """,
    "gemma": """
        GemmaConfig
        GemmaPreTrainedModel
        GemmaModel
        GemmaForCausalLM
        GemmaForSequenceClassification
        GemmaForTokenClassification
    """,
    "gemma2": """
        Gemma2Config
        Gemma2PreTrainedModel
        Gemma2Model
        Gemma2ForCausalLM
        Gemma2ForSequenceClassification
        Gemma2ForTokenClassification
    """,
    "gemma3_text": """
        Gemma3TextConfig
        Gemma3TextPreTrainedModel
        Gemma3TextModel
        Gemma3ForCausalLM
        Gemma3TextForSequenceClassification
    """,
    "gpt2": """
        GPT2Config
        GPT2PreTrainedModel
        GPT2Model
        GPT2LMHeadModel
        GPT2DoubleHeadsModel
        GPT2ForSequenceClassification
        GPT2ForTokenClassification
        GPT2ForQuestionAnswering
    """,
    "gpt_bigcode": """
        GPTBigCodeConfig
        GPTBigCodePreTrainedModel
        GPTBigCodeModel
        GPTBigCodeForCausalLM
        GPTBigCodeForSequenceClassification
        GPTBigCodeForTokenClassification
    """,
    "gpt_neo": """
        GPTNeoConfig
        GPTNeoPreTrainedModel
        GPTNeoModel
        GPTNeoForCausalLM
        GPTNeoForQuestionAnswering
        GPTNeoForSequenceClassification
        GPTNeoForTokenClassification
    """,
    "gpt_neox": """
        GPTNeoXConfig
        GPTNeoXPreTrainedModel
        GPTNeoXModel
        GPTNeoXForCausalLM
        GPTNeoXForQuestionAnswering
        GPTNeoXForSequenceClassification
        GPTNeoXForTokenClassification
    """,
    "gptj": """
        GPTJConfig
        GPTJPreTrainedModel
        GPTJModel
        GPTJForCausalLM
        GPTJForQuestionAnswering
        GPTJForSequenceClassification
    """,
    "granite": """
        GraniteConfig
        GranitePreTrainedModel
        GraniteModel
        GraniteForCausalLM
    """,
    "gte": """
        GteConfig
        GtePreTrainedModel
        GteModel
        GteForMaskedLM
        GteForSequenceClassification
        GteForTokenClassification
    """,
    "jina_bert": """
        JinaBertConfig
        JinaBertPreTrainedModel
        JinaBertModel
        JinaBertForMaskedLM
        JinaBertForSequenceClassification
        JinaBertForMultipleChoice
        JinaBertForTokenClassification
        JinaBertForQuestionAnswering
    """,
    "led": """
        LEDConfig
        LEDPreTrainedModel
        LEDModel
        LEDForConditionalGeneration
        LEDForSequenceClassification
        LEDForQuestionAnswering
    """,
    "llama": """
        LlamaConfig
        LlamaPreTrainedModel
        LlamaModel
        LlamaForCausalLM
        LlamaForSequenceClassification
        LlamaForQuestionAnswering
        LlamaForTokenClassification
    """,
    "longformer": """
        LongformerConfig
        LongformerPreTrainedModel
        LongformerModel
        LongformerForMaskedLM
        LongformerForSequenceClassification
        LongformerForMultipleChoice
        LongformerForTokenClassification
        LongformerForQuestionAnswering
    """,
    "m2m_100": """
        M2M100Config
        M2M100PreTrainedModel
        M2M100Model
        M2M100ForConditionalGeneration
    """,
    "marian": """
        MarianConfig
        MarianPreTrainedModel
        MarianModel
        MarianMTModel
        MarianForCausalLM
    """,
    "mbart": """
        MBartConfig
        MBartPreTrainedModel
        MBartModel
        MBartForConditionalGeneration
        MBartForSequenceClassification
        MBartForQuestionAnswering
        MBartForCausalLM
    """,
    "mistral": """
        MistralConfig
        MistralPreTrainedModel
        MistralModel
        MistralForCausalLM
        MistralForSequenceClassification
        MistralForQuestionAnswering
        MistralForTokenClassification
    """,
    "mixtral": """
        MixtralConfig
        MixtralPreTrainedModel
        MixtralModel
        MixtralForCausalLM
        MixtralForSequenceClassification
        MixtralForTokenClassification
        MixtralForQuestionAnswering
    """,
    "modernbert": """
        ModernBertConfig
        ModernBertPreTrainedModel
        ModernBertModel
        ModernBertForMaskedLM
        ModernBertForSequenceClassification
        ModernBertForTokenClassification
        ModernBertForQuestionAnswering
        ModernBertForMultipleChoice
    """,
    "mpnet": """
        MPNetConfig
        MPNetPreTrainedModel
        MPNetModel
        MPNetForMaskedLM
        MPNetForSequenceClassification
        MPNetForMultipleChoice
        MPNetForTokenClassification
        MPNetForQuestionAnswering
    """,
    "mt5": """
        MT5Config
        MT5PreTrainedModel
        MT5Model
        MT5ForConditionalGeneration
        MT5EncoderModel
        MT5ForSequenceClassification
        MT5ForTokenClassification
        MT5ForQuestionAnswering
    """,
    "nomic_bert": """
        NomicBertConfig
        NomicBertPreTrainedModel
        NomicBertModel
        NomicBertForMaskedLM
        NomicBertForSequenceClassification
        NomicBertForTokenClassification
    """,
    "olmo2": """
        Olmo2Config
        Olmo2PreTrainedModel
        Olmo2Model
        Olmo2ForCausalLM
    """,
    "openai-gpt": """
        OpenAIGPTConfig
        OpenAIGPTPreTrainedModel
        OpenAIGPTModel
        OpenAIGPTLMHeadModel
        OpenAIGPTDoubleHeadsModel
        OpenAIGPTForSequenceClassification
    """,
    "opt": """
        OPTConfig
        OPTPreTrainedModel
        OPTModel
        OPTForCausalLM
        OPTForSequenceClassification
        OPTForQuestionAnswering
    """,
    "pegasus": """
        PegasusConfig
        PegasusPreTrainedModel
        PegasusModel
        PegasusForConditionalGeneration
        PegasusForCausalLM
    """,
    "phi": """
        PhiConfig
        PhiPreTrainedModel
        PhiModel
        PhiForCausalLM
        PhiForSequenceClassification
        PhiForTokenClassification
    """,
    "phi3": """
        Phi3Config
        Phi3PreTrainedModel
        Phi3Model
        Phi3ForCausalLM
        Phi3ForSequenceClassification
        Phi3ForTokenClassification
    """,
    "qwen2": """
        Qwen2Config
        Qwen2PreTrainedModel
        Qwen2Model
        Qwen2ForCausalLM
        Qwen2ForSequenceClassification
        Qwen2ForTokenClassification
        Qwen2ForQuestionAnswering
    """,
    "qwen3": """
        Qwen3Config
        Qwen3PreTrainedModel
        Qwen3Model
        Qwen3ForCausalLM
        Qwen3ForSequenceClassification
        Qwen3ForTokenClassification
        Qwen3ForQuestionAnswering
    """,
    "qwen3_moe": """
        Qwen3MoeConfig
        Qwen3MoePreTrainedModel
        Qwen3MoeModel
        Qwen3MoeForCausalLM
        Qwen3MoeForSequenceClassification
        Qwen3MoeForTokenClassification
        Qwen3MoeForQuestionAnswering
    """,
    "roberta": """
        RobertaConfig
        RobertaPreTrainedModel
        RobertaModel
        RobertaForMaskedLM
        RobertaForCausalLM
        RobertaForSequenceClassification
        RobertaForMultipleChoice
        RobertaForTokenClassification
        RobertaForQuestionAnswering
    """,
    "smollm3": """
        SmolLM3Config
        SmolLM3PreTrainedModel
        SmolLM3Model
        SmolLM3ForCausalLM
        SmolLM3ForSequenceClassification
        SmolLM3ForTokenClassification
        SmolLM3ForQuestionAnswering
    """,
    "stablelm": """
        StableLmConfig
        StableLmPreTrainedModel
        StableLmModel
        StableLmForCausalLM
        StableLmForSequenceClassification
        StableLmForTokenClassification
    """,
    "starcoder2": """
        Starcoder2Config
        Starcoder2PreTrainedModel
        Starcoder2Model
        Starcoder2ForCausalLM
        Starcoder2ForSequenceClassification
        Starcoder2ForTokenClassification
    """,
    "t5": """
        T5Config
        T5PreTrainedModel
        T5Model
        T5ForConditionalGeneration
        T5EncoderModel
        T5ForSequenceClassification
        T5ForTokenClassification
        T5ForQuestionAnswering
    """,
    "umt5": """
        UMT5Config
        UMT5PreTrainedModel
        UMT5Model
        UMT5ForConditionalGeneration
        UMT5EncoderModel
        UMT5ForSequenceClassification
        UMT5ForTokenClassification
        UMT5ForQuestionAnswering
    """,
    "xlm": """
        XLMConfig
        XLMPreTrainedModel
        XLMModel
        XLMWithLMHeadModel
        XLMForSequenceClassification
        XLMForTokenClassification
        XLMForQuestionAnsweringSimple
        XLMForQuestionAnswering
        XLMForMultipleChoice
    """,
    "xlm-roberta": """
        XLMRobertaConfig
        XLMRobertaPreTrainedModel
        XLMRobertaModel
        XLMRobertaForMaskedLM
        XLMRobertaForCausalLM
        XLMRobertaForSequenceClassification
        XLMRobertaForMultipleChoice
        XLMRobertaForTokenClassification
        XLMRobertaForQuestionAnswering
    """,
    "xlnet": """
        XLNetConfig
        XLNetPreTrainedModel
        XLNetModel
        XLNetLMHeadModel
        XLNetForSequenceClassification
        XLNetForTokenClassification
        XLNetForMultipleChoice
        XLNetForQuestionAnsweringSimple
        XLNetForQuestionAnswering
    """,
}
FAMILY_CLASSES = {name: model_type for model_type, names in _CLASSES.items() for name in names.split()}
TOKENIZER_NAMES = (
    "AlbertTokenizer",
    "AlbertTokenizerFast",
    "BartTokenizer",
    "BartTokenizerFast",
    "BertTokenizer",
    "BertTokenizerFast",
    "BigBirdTokenizer",
    "BigBirdTokenizerFast",
    "BlenderbotTokenizer",
    "BlenderbotTokenizerFast",
    "CamembertTokenizer",
    "CamembertTokenizerFast",
    "DebertaTokenizer",
    "DebertaTokenizerFast",
    "DebertaV2Tokenizer",
    "DebertaV2TokenizerFast",
    "DistilBertTokenizer",
    "DistilBertTokenizerFast",
    "ElectraTokenizer",
    "ElectraTokenizerFast",
    "GPT2Tokenizer",
    "GPT2TokenizerFast",
    "LEDTokenizer",
    "LEDTokenizerFast",
    "LlamaTokenizer",
    "LlamaTokenizerFast",
    "LongformerTokenizer",
    "LongformerTokenizerFast",
    "M2M100Tokenizer",
    "MBart50Tokenizer",
    "MBart50TokenizerFast",
    "MBartTokenizer",
    "MBartTokenizerFast",
    "MPNetTokenizer",
    "MPNetTokenizerFast",
    "MarianTokenizer",
    "NllbTokenizer",
    "NllbTokenizerFast",
    "OpenAIGPTTokenizer",
    "OpenAIGPTTokenizerFast",
    "PegasusTokenizer",
    "PegasusTokenizerFast",
    "PreTrainedTokenizerFast",
    "RobertaTokenizer",
    "RobertaTokenizerFast",
    "T5Tokenizer",
    "T5TokenizerFast",
    "XLMRobertaTokenizer",
    "XLMRobertaTokenizerFast",
    "XLNetTokenizer",
    "XLNetTokenizerFast",
)
