"""What BERT does beside the table of test_fidelity: decoding, cross-attention, tuples, every kind of mask."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import hubformer
from hubformer.errors import ConfigError, InputError
from twins import BERT, both, near

transformers = pytest.importorskip("transformers")

GOLDENS = Path(__file__).parent / "goldens"
DECODER = {"is_decoder": True, "add_cross_attention": True}
IDS = torch.tensor([[7, 8, 9, 10, 11, 12, 13], [17, 18, 19, 20, 21, 1, 1]])
MASK = (IDS != 1).long()
MEMORY = {
    "encoder_hidden_states": torch.linspace(-2, 2, 2 * 5 * 16, dtype=torch.float64).sin().view(2, 5, 16),
    "encoder_attention_mask": torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]]),
}


@pytest.mark.parametrize("name", sorted(folder.name for folder in GOLDENS.glob("bert-*")))
def test_relative_positions_and_head_masks_as_in_4_57_6(name: str) -> None:
    auto = hubformer.AutoModelForCausalLM if "decoder" in name else hubformer.AutoModel
    model = auto.from_pretrained(GOLDENS / name, dtype="float64")
    answers = load_file(GOLDENS / name / "answers.safetensors")
    given = {n.removeprefix("in."): t for n, t in answers.items() if n.startswith("in.")}
    head_mask, seen = given.pop("head_mask"), given["attention_mask"].bool()
    compared = 0
    for prefix, more in (("out.", {}), ("masked.", {"head_mask": head_mask})):
        out = model(**given, **more, output_attentions=True)
        for field, expected in answers.items():
            if not field.startswith(prefix):
                continue
            field = field.removeprefix(prefix)
            found = out[field.rstrip("0123456789")]
            found = found[int(field[-1])] if isinstance(found, tuple) else found
            if "attentions" in field:
                found, expected = found.transpose(1, 2)[seen], expected.transpose(1, 2)[seen]
            elif expected.dim() == 3:
                found, expected = found[seen], expected[seen]
            assert near(found, expected), (prefix, field)
            compared += 1
    assert compared >= 8


def test_relative_files_keep_the_unread_table(tmp_path: Path) -> None:
    """v4 has a table of absolute positions there too, and adds it to nothing."""
    folder = GOLDENS / "bert-relative-key"
    model = hubformer.AutoModel.from_pretrained(folder)
    model.save_pretrained(tmp_path)
    before, after = (load_file(f / "model.safetensors") for f in (folder, tmp_path))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[n], after[n]) for n in before)
    ids = torch.full((1, 11), 7)
    with pytest.raises(InputError, match="11 tokens, the model reads at most 10"):
        model(ids)


@pytest.mark.parametrize("position", ["absolute", "relative_key", "relative_key_query"])
def test_cached_decoding_is_the_full_pass(position: str) -> None:
    torch.manual_seed(0)
    config = hubformer.BertConfig(**BERT, **DECODER, position_embedding_type=position, hidden_act="silu")
    model = hubformer.BertLMHeadModel(config).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    whole = model(IDS, attention_mask=MASK, **MEMORY).logits
    cache, logits = None, []
    for start, end in ((0, 3), (3, 4), (4, 7)):
        out = model(IDS[:, start:end], attention_mask=MASK[:, :end], past_key_values=cache, **MEMORY)
        cache = out.past_key_values
        logits.append(out.logits)
    assert near(torch.cat(logits, 1)[MASK.bool()], whole[MASK.bool()])
    # a cache as v4 wrote it: a tuple of (keys, values) per layer
    first = model(IDS[:1, :4], encoder_hidden_states=MEMORY["encoder_hidden_states"][:1])
    pairs = tuple((k.clone(), v.clone()) for k, v in first.past_key_values)
    rest = model(
        IDS[:1, 4:], past_key_values=pairs, encoder_hidden_states=MEMORY["encoder_hidden_states"][:1]
    )
    assert near(rest.logits, whole[:1, 4:])
    assert model(IDS, use_cache=False, **MEMORY).past_key_values is None


@pytest.mark.parametrize("name", ["BertLMHeadModel", "BertModel"])
def test_cross_attention_is_the_oracles(name: str, tmp_path: Path) -> None:
    oracle, ours = both(name, tmp_path, **DECODER)
    asked = {**MEMORY, "attention_mask": MASK, "output_attentions": True, "output_hidden_states": True}
    theirs, mine = oracle(IDS, **asked), ours(IDS, **asked)
    assert set(mine.keys()) == set(theirs.keys())
    seen = MASK.bool()
    assert near(mine[0][seen], theirs[0][seen])
    assert len(mine.cross_attentions) == len(theirs.cross_attentions) == 2
    for a, b in zip(mine.cross_attentions, theirs.cross_attentions, strict=True):
        assert near(a.transpose(1, 2)[seen], b.transpose(1, 2)[seen])
    without = ours(IDS, attention_mask=MASK, output_attentions=True)
    assert without.cross_attentions is None
    assert near(without[0][seen], oracle(IDS, attention_mask=MASK)[0][seen])
    # the second half of the row over a cache of the first
    for model in (oracle, ours):
        first = model(IDS[:1, :3], use_cache=True)
        again = model(IDS[:1, 3:], past_key_values=first.past_key_values, use_cache=True)
        assert again.past_key_values.get_seq_length() == 7
        assert near(again[0], without[0][:1, 3:])


def test_what_has_no_cross_attention_says_so() -> None:
    model = hubformer.BertModel(hubformer.BertConfig(**BERT))
    with pytest.raises(InputError, match=r"no cross-attention.*add_cross_attention=True"):
        model(IDS, encoder_hidden_states=torch.zeros(2, 5, 16))
    with pytest.raises(ConfigError, match="is_decoder is false"):
        hubformer.BertModel(hubformer.BertConfig(**BERT, add_cross_attention=True))


def test_tuples_are_as_long_and_in_the_order_of_the_oracles(tmp_path: Path) -> None:
    labels = {
        "BertModel": {},
        "BertForPreTraining": {"labels": IDS, "next_sentence_label": torch.tensor([0, 1])},
        "BertForMaskedLM": {"labels": IDS},
        "BertForQuestionAnswering": {
            "start_positions": torch.tensor([1, 2]),
            "end_positions": torch.tensor([2, 3]),
        },
        "BertForSequenceClassification": {"labels": torch.tensor([0, 1])},
    }
    for name, given in labels.items():
        oracle, ours = both(name, tmp_path)
        for asked in ({}, given, {**given, "output_attentions": True, "output_hidden_states": True}):
            theirs, mine = (m(IDS, **asked, return_dict=False) for m in (oracle, ours))
            assert isinstance(mine, tuple)
            theirs = [
                part for part in theirs if not isinstance(part, tuple) or part
            ]  # 5.23 adds empty cross-attentions; 4.57.6 does not
            assert len(mine) == len(theirs), (name, asked)
            for a, b in zip(mine, theirs, strict=True):
                assert len(a) == len(b) if isinstance(b, tuple) else near(a, b)
        ours.config.return_dict = False
        assert isinstance(ours(IDS), tuple)
        assert ours(IDS, return_dict=True).to_tuple()[0].shape == ours(IDS)[0].shape


def test_positions_vectors_and_masks_said_outright(tmp_path: Path) -> None:
    oracle, ours = both("BertForTokenClassification", tmp_path)
    places = torch.tensor([[6, 5, 4, 3, 2, 1, 0]])
    assert near(ours(IDS, position_ids=places).logits, oracle(IDS, position_ids=places).logits)
    vectors = torch.randn(2, 7, 16, dtype=torch.float64)
    types = (IDS > 15).long()
    assert near(
        ours(inputs_embeds=vectors, token_type_ids=types).logits,
        oracle(inputs_embeds=vectors, token_type_ids=types).logits,
    )
    assert near(ours(inputs_embeds=ours.get_input_embeddings()(IDS)).logits, ours(IDS).logits)
    pairs = torch.ones(2, 7, 7, dtype=torch.long).tril(2)
    # 5.23 takes a mask of pairs as what is added to the scores of each head
    added = (1.0 - pairs[:, None].double()) * torch.finfo(torch.float64).min
    assert near(ours(IDS, attention_mask=pairs).logits, oracle(IDS, attention_mask=added).logits)


def test_a_head_mask_is_a_head_without_output_weights(tmp_path: Path) -> None:
    _, ours = both("BertForMaskedLM", tmp_path)
    mask = torch.ones(2, 4)
    mask[0, 1] = mask[1, 3] = 0
    masked = ours(IDS, attention_mask=MASK, head_mask=mask).logits
    with torch.no_grad():
        ours.bert.encoder.layer[0].attention.output.dense.weight[:, 4:8] = 0
        ours.bert.encoder.layer[1].attention.output.dense.weight[:, 12:16] = 0
    assert near(masked[MASK.bool()], ours(IDS, attention_mask=MASK).logits[MASK.bool()])
    everywhere = ours(IDS, head_mask=torch.zeros(4), output_attentions=True)
    assert not any(weights.any() for weights in everywhere.attentions)


def test_recomputed_activations_give_the_same_gradients_and_attentions(tmp_path: Path) -> None:
    _, ours = both("BertForMaskedLM", tmp_path, hidden_dropout_prob=0.2)
    ours.train()
    found = []
    for enable in (False, True):
        if enable:
            ours.gradient_checkpointing_enable()
        ours.zero_grad()
        torch.manual_seed(4)
        out = ours(IDS, attention_mask=MASK, labels=IDS, output_attentions=True, output_hidden_states=True)
        out.loss.backward()
        found.append((out, [p.grad.clone() for p in ours.parameters() if p.grad is not None]))
    (plain, gradients), (again, recomputed) = found
    assert len(again.attentions) == 2
    assert len(again.hidden_states) == 3
    assert torch.equal(plain.loss, again.loss)
    assert all(torch.equal(a, b) for a, b in zip(plain.attentions, again.attentions, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(gradients, recomputed, strict=True))
    ours.gradient_checkpointing_disable()
