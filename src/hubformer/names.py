"""Where each public name lives. Written by scripts/write_names.py; a test fails when it is out of date."""

LOCATIONS = {
    "AddedToken": "tokenization",
    "AutoConfig": "auto.config",
    "AutoModel": "auto.models",
    "AutoModelForCausalLM": "auto.models",
    "AutoModelForMaskedLM": "auto.models",
    "AutoModelForMultipleChoice": "auto.models",
    "AutoModelForNextSentencePrediction": "auto.models",
    "AutoModelForPreTraining": "auto.models",
    "AutoModelForQuestionAnswering": "auto.models",
    "AutoModelForSeq2SeqLM": "auto.models",
    "AutoModelForSequenceClassification": "auto.models",
    "AutoModelForTokenClassification": "auto.models",
    "AutoTokenizer": "auto.tokenizer",
    "BaseStreamer": "generation",
    "BatchEncoding": "tokenization",
    "CharSpan": "tokenization",
    "CheckpointError": "errors",
    "ConfigError": "errors",
    "EarlyStoppingCallback": "training",
    "EosTokenCriteria": "generation",
    "EvalPrediction": "training",
    "GenerationConfig": "generation",
    "HubError": "errors",
    "HubformerError": "errors",
    "InputError": "errors",
    "LogitsProcessor": "generation",
    "LogitsProcessorList": "generation",
    "MaxLengthCriteria": "generation",
    "PIPELINE_REGISTRY": "pipelines.registry",
    "Pipeline": "pipelines.base",
    "PreTrainedConfig": "models.config",
    "PreTrainedModel": "auto.pretrained",
    "PreTrainedTokenizer": "tokenization.tokenizer:PreTrainedTokenizerFast",
    "PreTrainedTokenizerBase": "tokenization.tokenizer:PreTrainedTokenizerFast",
    "PretrainedConfig": "models.config:PreTrainedConfig",
    "QuestionAnsweringPipeline": "pipelines.question_answering",
    "StoppingCriteria": "generation",
    "StoppingCriteriaList": "generation",
    "TextClassificationPipeline": "pipelines.text_classification",
    "TextGenerationPipeline": "pipelines.text_generation",
    "TextIteratorStreamer": "generation",
    "TextStreamer": "generation",
    "TokenSpan": "tokenization",
    "Trainer": "training",
    "TrainerCallback": "training",
    "TrainerControl": "training",
    "TrainerState": "training",
    "TrainingArguments": "training",
    "UnknownArgument": "errors",
    "UnknownName": "errors",
    "get_scheduler": "training",
    "pipeline": "pipelines",
    "set_seed": "training",
}
_CLASSES = {
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
    "BertTokenizer",
    "BertTokenizerFast",
    "CamembertTokenizer",
    "CamembertTokenizerFast",
    "DistilBertTokenizer",
    "DistilBertTokenizerFast",
    "GPT2Tokenizer",
    "GPT2TokenizerFast",
    "PreTrainedTokenizerFast",
    "RobertaTokenizer",
    "RobertaTokenizerFast",
    "XLMRobertaTokenizer",
    "XLMRobertaTokenizerFast",
    "XLNetTokenizer",
    "XLNetTokenizerFast",
)
