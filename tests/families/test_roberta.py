"""What RoBERTa, XLM-RoBERTa and CamemBERT do beside the table of test_fidelity."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
import torch

import hubformer
from hubformer.errors import ConfigError, InputError
from twins import both, fresh, near, weights

transformers = pytest.importorskip("transformers")

NAMES = ("Roberta", "XLMRoberta", "Camembert")
SHORT = {"max_position_embeddings": 12}
IDS = torch.tensor([[0, 7, 8, 9, 10, 11, 2], [0, 17, 18, 19, 2, 1, 1]])
MASK = (IDS != 1).long()


def test_positions_count_from_the_padding_token(tmp_path: Path) -> None:
    oracle, ours = both("RobertaModel", tmp_path, **SHORT)
    longest = torch.arange(10)[None] + 5
    assert near(ours(longest)[0], oracle(longest)[0])
    with pytest.raises(InputError, match="11 tokens, the model reads at most 10"):
        ours(torch.arange(11)[None] + 5)
    places = torch.tensor([[11, 3, 0, 1, 2, 9, 4]])  # rows of the table, whatever the padding token is
    assert near(ours(IDS[:1], position_ids=places)[0], oracle(IDS[:1], position_ids=places)[0])
    vectors = torch.randn(1, 7, 16, dtype=torch.float64)
    assert near(ours(inputs_embeds=vectors)[0], oracle(inputs_embeds=vectors)[0])
    # padding stands on the row of the padding token, and the whole pass is the oracle's there too
    a, b = (m(IDS, attention_mask=MASK)[0] for m in (ours, oracle))
    assert near(a, b)
    left = torch.cat([IDS[1:, 5:], IDS[1:, :5]], dim=1)
    assert near(ours(left, attention_mask=(left != 1).long())[0][:, 2:], a[1:, :5])


def test_impossible_positions() -> None:
    with pytest.raises(ConfigError, match="pad_token_id is None"):
        hubformer.RobertaConfig(pad_token_id=None)
    with pytest.raises(ConfigError, match="max_position_embeddings is 5, expected more than 6"):
        hubformer.RobertaModel(hubformer.RobertaConfig(max_position_embeddings=5, pad_token_id=5))


@pytest.mark.parametrize("name", NAMES)
def test_decoding(name: str, tmp_path: Path) -> None:
    oracle, ours = both(f"{name}ForCausalLM", tmp_path, is_decoder=True, add_cross_attention=True)
    memory = {"encoder_hidden_states": torch.randn(2, 3, 16, dtype=torch.float64)}
    whole = ours(IDS, attention_mask=MASK, **memory, output_attentions=True)
    theirs = oracle(IDS, attention_mask=MASK, **memory, output_attentions=True)
    assert near(whole.logits[MASK.bool()], theirs.logits[MASK.bool()])
    for a, b in zip(whole.cross_attentions, theirs.cross_attentions, strict=True):
        assert near(a.transpose(1, 2)[MASK.bool()], b.transpose(1, 2)[MASK.bool()])
    cache, logits = None, []
    for start, end in ((0, 4), (4, 5), (5, 7)):
        out = ours(
            IDS[:1, start:end],
            past_key_values=cache,
            encoder_hidden_states=memory["encoder_hidden_states"][:1],
        )
        cache = out.past_key_values
        logits.append(out.logits)
    assert near(torch.cat(logits, 1), whole.logits[:1])
    assert ours.can_generate()


@pytest.mark.parametrize("name", NAMES)
def test_files_keep_the_backbone_under_robertas_name(name: str, tmp_path: Path) -> None:
    kind = getattr(hubformer, f"{name}ForMaskedLM")
    model = fresh(f"{name}ForMaskedLM")
    model.save_pretrained(tmp_path)
    names = weights(tmp_path).keys()
    assert "roberta.embeddings.word_embeddings.weight" in names
    assert "lm_head.bias" in names
    assert "lm_head.decoder.weight" not in names
    assert model.roberta.embeddings.word_embeddings is model.get_input_embeddings()
    assert isinstance(hubformer.AutoModelForMaskedLM.from_pretrained(tmp_path), kind)
    assert isinstance(hubformer.AutoModelForPreTraining.from_pretrained(tmp_path), kind)
    # The three differ in name only, so each reads the files of the others, as in v4.
    other = hubformer.RobertaForMaskedLM.from_pretrained(tmp_path)
    assert near(other(IDS).logits.double(), model.eval()(IDS).logits.double())
    assert (
        transformers.AutoModelForMaskedLM.from_pretrained(tmp_path).config.model_type
        == kind.family.model_type
    )


def test_v4s_order_of_arguments() -> None:
    reads = "input_ids attention_mask token_type_ids position_ids head_mask inputs_embeds"
    cross, asks = (
        "encoder_hidden_states encoder_attention_mask",
        "output_attentions output_hidden_states return_dict",
    )
    expected = {
        "Model": f"{reads} {cross} past_key_values use_cache {asks} cache_position",
        "ForMaskedLM": f"{reads} {cross} labels {asks}",
        "ForCausalLM": f"{reads} {cross} labels past_key_values use_cache {asks} cache_position "
        "logits_to_keep",
        "ForSequenceClassification": f"{reads} labels {asks}",
        "ForMultipleChoice": "input_ids token_type_ids attention_mask labels position_ids head_mask "
        f"inputs_embeds {asks}",
        "ForTokenClassification": f"{reads} labels {asks}",
        "ForQuestionAnswering": f"{reads} start_positions end_positions {asks}",
    }
    for name in NAMES:
        for head, arguments in expected.items():
            found = inspect.signature(getattr(hubformer, name + head).forward).parameters
            assert " ".join(found) == f"self {arguments}", name + head


def test_fields_in_v4s_order() -> None:
    v4 = (
        "vocab_size hidden_size num_hidden_layers num_attention_heads intermediate_size hidden_act "
        "hidden_dropout_prob attention_probs_dropout_prob max_position_embeddings type_vocab_size "
        "initializer_range layer_norm_eps pad_token_id {}position_embedding_type use_cache classifier_dropout"
    )
    for name in NAMES:
        fields = getattr(hubformer, f"{name}Config").fields
        assert " ".join(fields) == v4.format("bos_token_id eos_token_id ")
    assert " ".join(hubformer.BertConfig.fields) == v4.format("")
    config = hubformer.RobertaConfig()
    assert (config.vocab_size, config.pad_token_id, config.bos_token_id, config.eos_token_id) == (
        50265,
        1,
        0,
        2,
    )
    assert hubformer.CamembertConfig().vocab_size == hubformer.XLMRobertaConfig().vocab_size == 30522
    assert hubformer.XLMRobertaConfig(100, 24).hidden_size == 24


def test_token_types_where_a_checkpoint_has_them(tmp_path: Path) -> None:
    oracle, ours = both("RobertaForSequenceClassification", tmp_path, type_vocab_size=2)
    types = torch.tensor([[0, 0, 0, 1, 1, 1, 1]])
    assert near(ours(IDS[:1], token_type_ids=types).logits, oracle(IDS[:1], token_type_ids=types).logits)
    _, single = both("RobertaForSequenceClassification", tmp_path)
    with pytest.raises(InputError, match="token_type_ids holds 1, expected 0 to 0"):
        single(IDS[:1], token_type_ids=types)
