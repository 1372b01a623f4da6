"""What a pass returns: its logits are there. Written by scripts/write_names.py."""

from torch import Tensor

from hubformer.models import outputs

class AlbertForPreTrainingOutput(outputs.AlbertForPreTrainingOutput):
    prediction_logits: Tensor

class BaseModelOutput(outputs.BaseModelOutput):
    last_hidden_state: Tensor

class BaseModelOutputWithPast(outputs.BaseModelOutputWithPast):
    last_hidden_state: Tensor

class BaseModelOutputWithPastAndCrossAttentions(outputs.BaseModelOutputWithPastAndCrossAttentions):
    last_hidden_state: Tensor

class BaseModelOutputWithPooling(outputs.BaseModelOutputWithPooling):
    last_hidden_state: Tensor

class BaseModelOutputWithPoolingAndCrossAttentions(outputs.BaseModelOutputWithPoolingAndCrossAttentions):
    last_hidden_state: Tensor

class BertForPreTrainingOutput(outputs.BertForPreTrainingOutput):
    prediction_logits: Tensor
    seq_relationship_logits: Tensor

class BigBirdForPreTrainingOutput(outputs.BigBirdForPreTrainingOutput):
    prediction_logits: Tensor
    seq_relationship_logits: Tensor

class BigBirdForQuestionAnsweringModelOutput(outputs.BigBirdForQuestionAnsweringModelOutput):
    start_logits: Tensor
    end_logits: Tensor

class CausalLMOutput(outputs.CausalLMOutput):
    logits: Tensor

class CausalLMOutputWithCrossAttentions(outputs.CausalLMOutputWithCrossAttentions):
    logits: Tensor

class CausalLMOutputWithPast(outputs.CausalLMOutputWithPast):
    logits: Tensor

class ElectraForPreTrainingOutput(outputs.ElectraForPreTrainingOutput):
    logits: Tensor

class GPT2DoubleHeadsModelOutput(outputs.GPT2DoubleHeadsModelOutput):
    logits: Tensor
    mc_logits: Tensor

class LEDSeq2SeqLMOutput(outputs.LEDSeq2SeqLMOutput):
    logits: Tensor

class LEDSeq2SeqModelOutput(outputs.LEDSeq2SeqModelOutput):
    last_hidden_state: Tensor

class LEDSeq2SeqQuestionAnsweringModelOutput(outputs.LEDSeq2SeqQuestionAnsweringModelOutput):
    start_logits: Tensor
    end_logits: Tensor

class LEDSeq2SeqSequenceClassifierOutput(outputs.LEDSeq2SeqSequenceClassifierOutput):
    logits: Tensor

class LongformerBaseModelOutputWithPooling(outputs.LongformerBaseModelOutputWithPooling):
    last_hidden_state: Tensor

class LongformerMaskedLMOutput(outputs.LongformerMaskedLMOutput):
    logits: Tensor

class LongformerMultipleChoiceModelOutput(outputs.LongformerMultipleChoiceModelOutput):
    logits: Tensor

class LongformerQuestionAnsweringModelOutput(outputs.LongformerQuestionAnsweringModelOutput):
    start_logits: Tensor
    end_logits: Tensor

class LongformerSequenceClassifierOutput(outputs.LongformerSequenceClassifierOutput):
    logits: Tensor

class LongformerTokenClassifierOutput(outputs.LongformerTokenClassifierOutput):
    logits: Tensor

class MaskedLMOutput(outputs.MaskedLMOutput):
    logits: Tensor

class MoeCausalLMOutputWithPast(outputs.MoeCausalLMOutputWithPast):
    logits: Tensor

class MoeModelOutputWithPast(outputs.MoeModelOutputWithPast):
    last_hidden_state: Tensor

class MultipleChoiceModelOutput(outputs.MultipleChoiceModelOutput):
    logits: Tensor

class NextSentencePredictorOutput(outputs.NextSentencePredictorOutput):
    logits: Tensor

class OpenAIGPTDoubleHeadsModelOutput(outputs.OpenAIGPTDoubleHeadsModelOutput):
    logits: Tensor
    mc_logits: Tensor

class QuestionAnsweringModelOutput(outputs.QuestionAnsweringModelOutput):
    start_logits: Tensor
    end_logits: Tensor

class Seq2SeqLMOutput(outputs.Seq2SeqLMOutput):
    logits: Tensor

class Seq2SeqModelOutput(outputs.Seq2SeqModelOutput):
    last_hidden_state: Tensor

class Seq2SeqQuestionAnsweringModelOutput(outputs.Seq2SeqQuestionAnsweringModelOutput):
    start_logits: Tensor
    end_logits: Tensor

class Seq2SeqSequenceClassifierOutput(outputs.Seq2SeqSequenceClassifierOutput):
    logits: Tensor

class SequenceClassifierOutput(outputs.SequenceClassifierOutput):
    logits: Tensor

class SequenceClassifierOutputWithPast(outputs.SequenceClassifierOutputWithPast):
    logits: Tensor

class TokenClassifierOutput(outputs.TokenClassifierOutput):
    logits: Tensor

class XLMForQuestionAnsweringOutput(outputs.XLMForQuestionAnsweringOutput): ...

class XLNetForMultipleChoiceOutput(outputs.XLNetForMultipleChoiceOutput):
    logits: Tensor

class XLNetForQuestionAnsweringOutput(outputs.XLNetForQuestionAnsweringOutput): ...

class XLNetForQuestionAnsweringSimpleOutput(outputs.XLNetForQuestionAnsweringSimpleOutput):
    start_logits: Tensor
    end_logits: Tensor

class XLNetForSequenceClassificationOutput(outputs.XLNetForSequenceClassificationOutput):
    logits: Tensor

class XLNetForTokenClassificationOutput(outputs.XLNetForTokenClassificationOutput):
    logits: Tensor

class XLNetLMHeadModelOutput(outputs.XLNetLMHeadModelOutput):
    logits: Tensor

class XLNetModelOutput(outputs.XLNetModelOutput):
    last_hidden_state: Tensor
