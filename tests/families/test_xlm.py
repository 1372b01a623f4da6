"""XLM and FlauBERT beyond the tables: padding that is counted, summaries, languages, FlauBERT's other norms,
and text written under a mask."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import hubformer
from encoders import TINY
from hubformer.errors import ConfigError, InputError
from test_fidelity import EXACT, distance, shaken
from uncast import in_float64

transformers = pytest.importorskip("transformers")

PAD = 2
IDS = torch.randint(6, 99, (2, 9), generator=torch.Generator().manual_seed(5))
PADDED = torch.cat([IDS[:1], torch.cat([IDS[1:, :6], torch.full((1, 3), PAD)], dim=1)])
LANGS = torch.tensor([[0, 0, 1, 1, 2, 2, 0, 1, 2]] * 2)


def both(folder: Path, name: str, *, seed: int = 14, by: float = 0.3, **changes: Any) -> tuple[Any, Any]:
    """The oracle's shaken model, and ours from its files, in float64."""
    torch.manual_seed(seed)
    kind = getattr(transformers, name)
    oracle = shaken(kind(kind.config_class(**{**TINY["xlm"], **changes})), by=by)
    oracle.save_pretrained(folder)
    return in_float64(oracle), getattr(hubformer, name).from_pretrained(folder, dtype="float64")


@torch.no_grad()
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("said", ["nothing", "lengths", "both"])
def test_padding_that_no_mask_says(said: str, causal: bool, tmp_path: Path) -> None:
    """By lengths, or by the tokens that are not padding; a mask is heard before either."""
    oracle, ours = both(tmp_path, "XLMModel", causal=causal)
    mask = torch.ones_like(PADDED)
    mask[0, 5:] = 0
    given: dict[str, Any] = {
        "nothing": {},
        "lengths": {"lengths": torch.tensor([7, 4])},
        "both": {"lengths": torch.tensor([7, 4]), "attention_mask": mask},
    }[said]
    mine, theirs = ours(PADDED, **given)[0], oracle(PADDED, **given)[0]
    where = theirs.abs().sum(-1) > 0  # the oracle writes zeros where padding stands
    assert (~where).any()
    assert torch.equal(mine.abs().sum(-1) > 0, where)
    assert distance(mine[where], theirs[where]) <= EXACT


@torch.no_grad()
@pytest.mark.parametrize("name", ["XLMForSequenceClassification", "XLMForMultipleChoice"])
@pytest.mark.parametrize("kind", ["first", "last", "mean", "cls_index"])
def test_summaries(kind: str, name: str, tmp_path: Path) -> None:
    oracle, ours = both(tmp_path, name, summary_type=kind, summary_activation="relu")
    ids = IDS[None] if "Choice" in name else IDS
    assert distance(ours(ids).logits, oracle(ids).logits) <= EXACT


@pytest.mark.parametrize("switch", ["summary_use_proj", "summary_proj_to_labels"])
def test_summaries_that_score_no_label_are_refused(switch: str) -> None:
    config = hubformer.XLMConfig(**{**TINY["xlm"], switch: False})
    with pytest.raises(ConfigError, match=f"{switch} is false, expected true"):
        hubformer.XLMForSequenceClassification(config)


@torch.no_grad()
def test_languages(tmp_path: Path) -> None:
    oracle, ours = both(tmp_path, "XLMModel", n_langs=3)
    assert distance(ours(IDS, langs=LANGS)[0], oracle(IDS, langs=LANGS)[0]) <= EXACT
    plain = ours(IDS)[0]
    assert distance(plain, oracle(IDS)[0]) <= EXACT
    assert not torch.allclose(plain, ours(IDS, langs=torch.zeros_like(LANGS))[0])
    with pytest.raises(InputError, match="langs holds 3, expected 0 to 2 for the languages"):
        ours(IDS, langs=LANGS + 1)


@torch.no_grad()
@pytest.mark.parametrize("name", ["XLMModel", "XLMForMultipleChoice"])
def test_arguments_by_position(name: str, tmp_path: Path) -> None:
    """In v4's order: langs stand third."""
    oracle, ours = both(tmp_path, name, n_langs=3)
    shaped = (lambda t: t[None]) if "Choice" in name else (lambda t: t)
    given = [shaped(t) for t in (IDS, torch.ones_like(IDS), LANGS, IDS.flip(0))]
    assert distance(ours(*given)[0], oracle(*given)[0]) <= EXACT


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    _, ours = both(tmp_path, "XLMForMultipleChoice")
    with pytest.raises(InputError, match="lengths do not say the padding of several choices"):
        ours(IDS[None], lengths=torch.tensor([9, 6]))
    with pytest.raises(InputError, match="leave cache out"):
        ours(IDS[None], cache={})
    with pytest.raises(ConfigError, match=r"asm is True.*adaptive softmax"):
        hubformer.XLMConfig(asm=True)
    with pytest.raises(ConfigError, match="is_encoder is False"):
        hubformer.FlaubertConfig(is_encoder=False)


@torch.no_grad()
def test_old_names_of_fields(tmp_path: Path) -> None:
    """Published files count their special tokens under names of their own."""
    oracle, _ = both(tmp_path, "XLMModel", pad_token_id=4)
    path = tmp_path / "config.json"
    values = json.loads(path.read_text())
    values["pad_index"], values["n_words"] = values.pop("pad_token_id"), values.pop("vocab_size")
    values |= {"bos_index": 0, "eos_index": 1, "asm": False, "lang2id": {"en": 0}, "max_vocab": -1}
    path.write_text(json.dumps(values))
    ours = hubformer.AutoModel.from_pretrained(tmp_path, dtype="float64")
    assert (ours.config.pad_token_id, ours.config.vocab_size) == (4, 99)
    padded = PADDED.where(PADDED != PAD, 4)
    where = padded != 4
    assert distance(ours(padded)[0][where], oracle(padded)[0][where]) <= EXACT


@torch.no_grad()
@pytest.mark.parametrize(
    "name", ["FlaubertModel", "FlaubertWithLMHeadModel", "FlaubertForTokenClassification"]
)
@pytest.mark.parametrize("causal", [False, True])
def test_norms_before(name: str, causal: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FlauBERT's large model. 5.23 stops there, for it asks its cache for a layer; with a cache that answers
    with itself it does what 4.57.6 did."""
    from transformers.models.flaubert import modeling_flaubert

    class Answering(modeling_flaubert.EncoderDecoderCache):
        def __getitem__(self, layer: int) -> Any:
            return self

    monkeypatch.setattr(modeling_flaubert, "EncoderDecoderCache", Answering)
    oracle, ours = both(tmp_path, name, pre_norm=True, n_langs=3, causal=causal)
    given = {"langs": LANGS, "output_hidden_states": True}
    mine, theirs = ours(PADDED, **given), oracle(PADDED, **given)
    where = PADDED != PAD
    assert distance(mine[0][where], theirs[0][where]) <= EXACT
    for a, b in zip(mine.hidden_states, theirs.hidden_states, strict=True):
        assert distance(a, b) <= EXACT
    ours.save_pretrained(tmp_path / "saved")
    again = getattr(transformers, name).from_pretrained(tmp_path / "saved")
    before = getattr(transformers, name).from_pretrained(tmp_path).state_dict()
    assert all(torch.equal(weight, before[n]) for n, weight in again.state_dict().items())


@torch.no_grad()
@pytest.mark.parametrize(("causal", "seed"), [(False, 47), (True, 47)])  # that say several words
def test_writing(causal: bool, seed: int, tmp_path: Path) -> None:
    """Every token is the likeliest one under a mask behind those before, in the language of lang_id."""
    changes = {"n_langs": 3, "lang_id": 2, "mask_token_id": 5, "eos_token_id": None, "causal": causal}
    oracle, ours = both(tmp_path, "XLMWithLMHeadModel", seed=seed, by=0.8, **changes)
    prompt = IDS[:, :4]
    found = ours.generate(prompt, max_new_tokens=6, do_sample=False)
    expected = prompt
    for _ in range(6):
        asked = torch.cat([expected, torch.full((2, 1), 5)], dim=1)
        scores = oracle(asked, langs=torch.full_like(asked, 2)).logits[:, -1]
        expected = torch.cat([expected, scores.argmax(-1, keepdim=True)], dim=1)
    assert torch.equal(found, expected)
    assert len(set(found[:, 4:].flatten().tolist())) >= 4
    left = torch.cat([torch.full((2, 2), PAD), prompt], dim=1)
    mask = (left != PAD).long()
    again = ours.generate(left, attention_mask=mask, max_new_tokens=6, do_sample=False)
    assert torch.equal(again[:, 2:], found)
    beams = ours.generate(prompt, max_new_tokens=3, num_beams=3, do_sample=False)
    assert beams.shape == (2, 7)


def test_writing_keeps_no_keys() -> None:
    model = hubformer.XLMWithLMHeadModel(hubformer.XLMConfig(**TINY["xlm"]))
    with pytest.raises(InputError, match=r"keeps no keys|past_key_values"):
        model.generate(IDS, past_key_values=hubformer.core.Cache(3), max_new_tokens=2)
