"""Where each public name lives. Written by scripts/write_names.py; a test fails when it is out of date."""

LOCATIONS = {
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
    "PreTrainedModel": "auto.pretrained",
}
FAMILY_CLASSES = {
    n: "bert"
    for n in ["BertConfig", "BertPreTrainedModel", "BertModel", "BertForPreTraining", "BertForMaskedLM", "BertLMHeadModel", "BertForNextSentencePrediction", "BertForSequenceClassification", "BertForMultipleChoice", "BertForTokenClassification", "BertForQuestionAnswering"]
}
TOKENIZER_NAMES: tuple[str, ...] = ()
