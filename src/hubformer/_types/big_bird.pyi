"""BigBird: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import (
    ArgumentsOfAlbertForMaskedLM,
    ArgumentsOfBertForMaskedLM,
    ArgumentsOfBertForPreTraining,
    ArgumentsOfBertModel,
    ArgumentsOfBigBirdForCausalLM,
    ArgumentsOfBigBirdForQuestionAnswering,
)
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class BigBirdConfig(PreTrainedConfig):
    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    hidden_act: str
    hidden_dropout_prob: float
    attention_probs_dropout_prob: float
    max_position_embeddings: int
    type_vocab_size: int
    initializer_range: float
    layer_norm_eps: float
    use_cache: bool
    pad_token_id: int | list[int] | None
    bos_token_id: int | list[int] | None
    eos_token_id: int | list[int] | None
    sep_token_id: int | list[int] | None
    attention_type: str
    use_bias: bool
    rescale_embeddings: bool
    block_size: int
    num_random_blocks: int
    classifier_dropout: float | None
    def __init__(
        self,
        vocab_size: int = 50358,
        hidden_size: int = 768,
        num_hidden_layers: int = 12,
        num_attention_heads: int = 12,
        intermediate_size: int = 3072,
        hidden_act: str = "gelu_new",
        hidden_dropout_prob: float = 0.1,
        attention_probs_dropout_prob: float = 0.1,
        max_position_embeddings: int = 4096,
        type_vocab_size: int = 2,
        initializer_range: float = 0.02,
        layer_norm_eps: float = 1e-12,
        use_cache: bool = True,
        pad_token_id: int | list[int] | None = 0,
        bos_token_id: int | list[int] | None = 1,
        eos_token_id: int | list[int] | None = 2,
        sep_token_id: int | list[int] | None = 66,
        attention_type: str = "block_sparse",
        use_bias: bool = True,
        rescale_embeddings: bool = False,
        block_size: int = 64,
        num_random_blocks: int = 3,
        classifier_dropout: float | None = None,
        **named: Any,
    ) -> None: ...

class BigBirdPreTrainedModel(Loading):
    config: BigBirdConfig
    def __init__(self, config: BigBirdConfig) -> None: ...

class BigBirdModel(
    ArgumentsOfBertModel[outputs.BaseModelOutputWithPoolingAndCrossAttentions], BigBirdPreTrainedModel
):
    def __init__(self, config: BigBirdConfig, *, add_pooling_layer: bool = True) -> None: ...

class BigBirdForPreTraining(
    ArgumentsOfBertForPreTraining[outputs.BigBirdForPreTrainingOutput], BigBirdPreTrainedModel
): ...

class BigBirdForMaskedLM(ArgumentsOfBertForMaskedLM[outputs.MaskedLMOutput], BigBirdPreTrainedModel): ...

class BigBirdForCausalLM(
    ArgumentsOfBigBirdForCausalLM[outputs.CausalLMOutputWithCrossAttentions], BigBirdPreTrainedModel
): ...

class BigBirdForSequenceClassification(
    ArgumentsOfAlbertForMaskedLM[outputs.SequenceClassifierOutput], BigBirdPreTrainedModel
): ...

class BigBirdForMultipleChoice(
    ArgumentsOfAlbertForMaskedLM[outputs.MultipleChoiceModelOutput], BigBirdPreTrainedModel
): ...

class BigBirdForTokenClassification(
    ArgumentsOfAlbertForMaskedLM[outputs.TokenClassifierOutput], BigBirdPreTrainedModel
): ...

class BigBirdForQuestionAnswering(
    ArgumentsOfBigBirdForQuestionAnswering[outputs.BigBirdForQuestionAnsweringModelOutput], BigBirdPreTrainedModel
): ...
