"""Collators against the oracle: the same bits where nothing is drawn, the same rates where something is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hubformer.errors import InputError
from hubformer.tokenization import BatchEncoding
from hubformer.training import (
    DataCollatorForLanguageModeling,
    DataCollatorForMultipleChoice,
    DataCollatorForPermutationLanguageModeling,
    DataCollatorForSeq2Seq,
    DataCollatorForSpanCorruption,
    DataCollatorForTokenClassification,
    DataCollatorForWholeWordMask,
    DataCollatorWithFlattening,
    DataCollatorWithPadding,
    default_data_collator,
    packed_blocks,
)

WORDS = ["the", "river", "runs", "##ning", "slow", "##ly", "to", "sea", "a", "boat", "##s", "."]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: Any) -> Path:
    path: Path = tmp_path_factory.mktemp("tokenizer")
    extra = [f"<extra_id_{i}>" for i in range(8)]
    (path / "vocab.txt").write_text("\n".join([*SPECIAL, *WORDS, *extra]) + "\n")
    (path / "tokenizer_config.json").write_text(
        '{"tokenizer_class": "BertTokenizer", "model_max_length": 64}'
    )
    return path


def tokenizers(folder: Path, **named: Any) -> tuple[Any, Any]:
    transformers = pytest.importorskip("transformers")
    from hubformer.pretrained.tokenizer import AutoTokenizer

    return (
        AutoTokenizer.from_pretrained(folder, **named),
        transformers.BertTokenizerFast.from_pretrained(folder, **named),
    )


def equal(ours: Any, theirs: Any) -> None:
    assert set(ours) == set(theirs)
    for name in ours:
        assert torch.is_tensor(ours[name])
        assert ours[name].dtype == theirs[name].dtype, name
        assert torch.equal(ours[name], theirs[name]), name


def rows(*, labels: str | None = None, long: bool = False) -> list[dict[str, Any]]:
    found = []
    for i, length in enumerate([5, 9, 3] if not long else [5, 9, 4]):
        row: dict[str, Any] = {
            "input_ids": [2, *[5 + (i + j) % 12 for j in range(length)], 3],
            "attention_mask": [1] * (length + 2),
            "token_type_ids": [0] * (length + 2),
        }
        if labels == "one":
            row["label"] = i
        elif labels == "number":
            row["label"] = i / 2
        elif labels == "each":
            row["labels"] = list(range(length + 2))
        elif labels == "sequence":
            row["labels"] = [7] * (length - 2)
        found.append(row)
    return found


@pytest.mark.parametrize("labels", ["one", "number"])
@pytest.mark.parametrize("as_arrays", [False, True])
def test_default(labels: str, as_arrays: bool) -> None:
    transformers = pytest.importorskip("transformers")
    given = [
        {**row, "input_ids": row["input_ids"][:4], "attention_mask": [1] * 4} for row in rows(labels=labels)
    ]
    for row in given:
        row["token_type_ids"], row["text"], row["extra"] = [0] * 4, "left out", None
        if as_arrays:
            row["input_ids"] = np.asarray(row["input_ids"])
            row["label"] = torch.tensor(row["label"])
    equal(default_data_collator(given), transformers.default_data_collator(given))
    listed = [{"input_ids": [1, 2], "label_ids": [i, 1]} for i in range(3)]
    equal(default_data_collator(listed), transformers.default_data_collator(listed))


def test_default_says_which_column_is_ragged() -> None:
    with pytest.raises(InputError, match="'input_ids' cannot be stacked"):
        default_data_collator(rows())
    with pytest.raises(InputError, match="lacks the column 'b'"):
        default_data_collator([{"a": 1, "b": 2}, {"a": 1}])


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize(
    "named",
    [{}, {"pad_to_multiple_of": 8}, {"padding": "max_length", "max_length": 20}],
    ids=["longest", "multiple", "fixed"],
)
def test_padding_ones_equal_the_oracles(side: str, named: dict[str, Any], folder: Path) -> None:
    import transformers

    ours, theirs = tokenizers(folder, padding_side=side)
    for kind, labels in (
        (DataCollatorWithPadding, "one"),
        (DataCollatorForTokenClassification, "each"),
        (DataCollatorForTokenClassification, None),
        (DataCollatorForSeq2Seq, "sequence"),
    ):
        oracle = getattr(transformers, kind.__name__)
        made = kind(ours, **named)(rows(labels=labels))  # type: ignore[operator]
        equal(made, dict(oracle(theirs, **named)(rows(labels=labels))))


def test_multiple_choice_equals_the_oracles(folder: Path) -> None:
    import transformers

    ours, theirs = tokenizers(folder)

    def given() -> list[dict[str, Any]]:
        return [
            {"input_ids": [[2, 5, 3], [2, 6, 7, 8, 3]], "attention_mask": [[1] * 3, [1] * 5], "label": 1},
            {"input_ids": [[2, 5, 6, 3], [2, 3]], "attention_mask": [[1] * 4, [1] * 2], "label": 0},
        ]

    kept = given()
    equal(
        DataCollatorForMultipleChoice(ours)(kept), transformers.DataCollatorForMultipleChoice(theirs)(given())
    )
    assert kept == given()  # the oracle takes the labels out of the caller's rows
    with pytest.raises(InputError, match="choices"):
        DataCollatorForMultipleChoice(ours)(
            [kept[0], {"input_ids": [[1]], "attention_mask": [[1]], "label": 0}]
        )


def test_causal_equals_the_oracles(folder: Path) -> None:
    import transformers

    ours, theirs = tokenizers(folder)
    equal(
        DataCollatorForLanguageModeling(ours, mlm=False)(rows()),
        dict(transformers.DataCollatorForLanguageModeling(theirs, mlm=False)(rows())),
    )


def test_causal_learns_an_end_token_that_is_also_the_padding(folder: Path) -> None:
    ours, _ = tokenizers(folder, pad_token="[SEP]")
    made = DataCollatorForLanguageModeling(ours, mlm=False)([[5, 6, 3], [5, 3]])
    assert made["labels"].tolist() == [[5, 6, 3], [5, 3, -100]]


def test_masking_has_the_rates(folder: Path) -> None:
    ours, _ = tokenizers(folder)
    collate = DataCollatorForLanguageModeling(ours, seed=1)
    given = [{"input_ids": [2, *([5, 6, 7, 9, 11, 12, 13, 14] * 7), 3]} for _ in range(400)]
    batch = collate(given)
    original = torch.tensor([row["input_ids"] for row in given])
    chosen = batch["labels"] != -100
    inner = original[:, 1:-1]
    assert not chosen[:, 0].any()
    assert not chosen[:, -1].any()
    assert torch.equal(batch["labels"][chosen], original[chosen])
    assert torch.equal(batch["input_ids"][~chosen], original[~chosen])
    assert float(chosen.sum() / inner.numel()) == pytest.approx(0.15, abs=0.01)
    masked = batch["input_ids"][chosen] == ours.mask_token_id
    kept = batch["input_ids"][chosen] == original[chosen]
    size = len(ours)
    # A random token is now and then the mask or the token itself.
    assert float(masked.float().mean()) == pytest.approx(0.8 + 0.1 / size, abs=0.025)
    assert float(kept.float().mean()) == pytest.approx(0.1 + 0.1 / size, abs=0.02)


@pytest.mark.parametrize("shares", [(1.0, 0.0), (0.0, 1.0), (0.5, 0.4), (0.0, 0.0)])
def test_masking_with_other_shares(shares: tuple[float, float], folder: Path) -> None:
    import transformers

    ours, theirs = tokenizers(folder)
    given = [{"input_ids": [2, *([5, 6, 7, 9, 11, 12, 13, 14] * 7), 3]} for _ in range(200)]
    original = torch.tensor([row["input_ids"] for row in given])

    def rates(batch: Any) -> list[float]:
        chosen = batch["labels"] != -100
        ids = batch["input_ids"][chosen]
        parts = (ids == 4, ids == original[chosen])
        return [float(chosen.float().mean()), *(float(part.float().mean()) for part in parts)]

    named: dict[str, Any] = {
        "mlm_probability": 0.3,
        "mask_replace_prob": shares[0],
        "random_replace_prob": shares[1],
        "seed": 5,
    }
    mine = rates(DataCollatorForLanguageModeling(ours, **named)(given))
    oracle = rates(transformers.DataCollatorForLanguageModeling(theirs, **named)(given))
    assert mine == pytest.approx(oracle, abs=0.03)


def test_whole_words_are_masked_together(folder: Path) -> None:
    ours, _ = tokenizers(folder)
    text = "the river running slowly to the sea . boats runs slowly"
    encoded = ours([text] * 300, return_offsets_mapping=True)
    given = [{key: encoded[key][i] for key in encoded} for i in range(300)]
    batch = DataCollatorForLanguageModeling(ours, whole_word_mask=True, seed=0)(given)
    chosen = batch["labels"] != -100
    words = encoded.word_ids(0)
    share = 0.0
    numbers = [n for n in dict.fromkeys(words) if n is not None]
    for number in numbers:
        places = [i for i, word in enumerate(words) if word == number]
        together = chosen[:, places]
        assert bool((together.all(1) == together.any(1)).all())
        share += float(together.all(1).float().mean()) / len(numbers)
    assert share == pytest.approx(0.15, abs=0.03)
    assert len(numbers) < len([w for w in words if w is not None])
    bare = [{"input_ids": row["input_ids"]} for row in given]
    again = DataCollatorForWholeWordMask(ours, seed=0)(bare)
    assert torch.equal(again["labels"], batch["labels"])
    assert torch.equal(again["input_ids"], batch["input_ids"])

    class Unknown:
        def __getattr__(self, name: str) -> Any:
            return getattr(ours, name)

        def get_vocab(self) -> dict[str, int]:
            return {"word": 0}

    with pytest.raises(InputError, match="return_offsets_mapping=True"):
        DataCollatorForLanguageModeling(Unknown(), whole_word_mask=True)(bare)


def test_masking_refuses_what_cannot_be(folder: Path) -> None:
    ours, _ = tokenizers(folder)
    with pytest.raises(InputError, match="more than 1"):
        DataCollatorForLanguageModeling(ours, mask_replace_prob=0.8, random_replace_prob=0.3)
    with pytest.raises(InputError, match="mlm_probability"):
        DataCollatorForLanguageModeling(ours, mlm_probability=None)
    with pytest.raises(InputError, match="mlm=True"):
        DataCollatorForLanguageModeling(ours, mlm=False, whole_word_mask=True)


def test_permutation_equals_the_oracle_in_its_statistics(folder: Path) -> None:
    from transformers.data.data_collator import DataCollatorForPermutationLanguageModeling as Oracle

    ours, theirs = tokenizers(folder)
    given = [{"input_ids": [2, *([5, 6, 7, 9, 11, 12, 13, 14] * 3), 3]} for _ in range(150)]

    def statistics(batch: Any) -> list[float]:
        chosen = batch["labels"] != -100
        hidden = batch["perm_mask"]
        among = chosen[:, :, None] & chosen[:, None, :]
        return [
            float(chosen.float().mean()),
            float(hidden.float().mean()),
            float(hidden[among].float().mean()),
        ]

    torch.manual_seed(0)
    mine = DataCollatorForPermutationLanguageModeling(ours)(given)
    oracle = Oracle(theirs)(given)
    assert statistics(mine) == pytest.approx(statistics(oracle), abs=0.02)
    chosen, hidden = mine["labels"] != -100, mine["perm_mask"].bool()
    assert torch.equal(mine["target_mapping"][0], torch.eye(26))
    diagonal = hidden.diagonal(dim1=1, dim2=2)
    assert torch.equal(diagonal, chosen)  # no token sees itself while it is to be predicted
    assert not hidden.transpose(1, 2)[~chosen].any()  # what is not predicted may be seen by all
    assert bool((mine["input_ids"][chosen] == ours.mask_token_id).all())
    for row, mask in zip(chosen, hidden, strict=True):  # of two predicted tokens exactly one sees the other
        both = mask[row][:, row]
        assert torch.equal(both | both.T, torch.ones_like(both))
        assert not (both & both.T & ~torch.eye(len(both), dtype=torch.bool)).any()


def test_spans_become_sentinels_and_back(folder: Path) -> None:
    ours, _ = tokenizers(folder)
    collate = DataCollatorForSpanCorruption(ours)
    assert collate.sentinels == list(range(17, 25))
    torch.manual_seed(0)
    for length in (2, 3, 10, 30, 50):
        ids = [5 + i % 12 for i in range(length)]
        source, target = collate.corrupted(ids)
        lost: dict[int, list[int]] = {}
        for token in target:
            if token >= 17:
                sentinel = lost.setdefault(token, [])
            else:
                sentinel.append(token)
        again = [piece for token in source for piece in (lost[token] if token >= 17 else [token])]
        assert again == ids
        assert sum(map(len, lost.values())) == max(round(length * 0.15), 1)
    batch = collate([{"input_ids": [5] * 20}, {"input_ids": [6] * 40}])
    assert batch["input_ids"].shape[0] == batch["labels"].shape[0] == 2
    assert (batch["labels"] == -100).any()


def test_blocks_hold_every_token_once() -> None:
    blocks = list(packed_blocks([[1, 2, 3], {"input_ids": [4, 5]}, [6, 7, 8]], length=4, separator=0))
    assert [b["input_ids"] for b in blocks] == [[1, 2, 3, 0], [4, 5, 0, 6]]
    assert all(b["labels"] == b["input_ids"] for b in blocks)
    with pytest.raises(InputError):
        list(packed_blocks([[1]], length=1))


def test_flattening_equals_the_oracle_and_keeps_rows_apart() -> None:
    transformers = pytest.importorskip("transformers")
    given = [{"input_ids": [5, 6, 7]}, {"input_ids": [8, 9]}, {"input_ids": [3], "labels": [3]}]
    oracle = transformers.DataCollatorWithFlattening()(given[:2])
    ours = DataCollatorWithFlattening(return_attention_mask=False)(given[:2])
    equal(ours, oracle)
    from hubformer import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=20, n_embd=16, n_layer=2, n_head=2, n_positions=16)).eval()
    batch = DataCollatorWithFlattening()(given[:2])
    batch.pop("labels")
    whole = model(**batch).logits[0]
    alone = [model(input_ids=torch.tensor([row["input_ids"]])).logits[0] for row in given[:2]]
    torch.testing.assert_close(whole, torch.cat(alone), rtol=1e-5, atol=1e-5)


# ---- what transformers 4 does besides


def test_padding_takes_a_mapping_of_columns_and_gives_an_encoding(folder: Path) -> None:
    ours, _ = tokenizers(folder)
    rows = [{"input_ids": [2, 5, 3], "label": 1}, {"input_ids": [2, 5, 6, 7, 3], "label": 0}]
    columns = {"input_ids": [row["input_ids"] for row in rows], "label": [1, 0]}
    for kind in ("pt", "np"):
        collator = DataCollatorWithPadding(ours, return_tensors=kind)
        by_row, by_column = collator(rows), collator(columns)
        assert isinstance(by_row, BatchEncoding)
        assert by_row.keys() == by_column.keys()
        assert all((by_row[name] == by_column[name]).all() for name in by_row)
        assert by_row.labels.tolist() == [1, 0]
        assert by_row.input_ids.shape == (2, 5)
    assert collator(rows).input_ids.dtype == np.int64
    assert DataCollatorWithPadding(ours)(rows).to("cpu").labels.tolist() == [1, 0]


@pytest.mark.parametrize(("value", "dtype"), [(np.array(1), np.int64), (np.array(0.5), np.float32)])
def test_labels_of_numpy_without_dimensions_keep_their_kind(value: Any, dtype: Any) -> None:
    rows = [{"label": value, "input_ids": [1, 2]} for _ in range(3)]
    batch = default_data_collator(rows, return_tensors="np")
    assert batch["labels"].dtype == dtype
    assert batch["labels"].tolist() == [value.item()] * 3


def test_permutation_refuses_odd_lengths(folder: Path) -> None:
    ours, _ = tokenizers(folder)
    given = [{"input_ids": [2, 5, 6, 7, 3]}]
    with pytest.raises(ValueError, match="pad_to_multiple_of=2"):
        DataCollatorForPermutationLanguageModeling(ours)(given)
    padded = DataCollatorForPermutationLanguageModeling(ours, pad_to_multiple_of=2)(given)
    assert padded["input_ids"].shape == (1, 6)


def test_flattening_for_flash_attention() -> None:
    rows = [{"input_ids": [5, 6, 7]}, {"input_ids": [8, 9]}]
    batch = DataCollatorWithFlattening(return_flash_attn_kwargs=True, return_attention_mask=False)(rows)
    assert batch["cu_seq_lens_q"].tolist() == batch["cu_seq_lens_k"].tolist() == [0, 3, 5]
    assert batch["cu_seq_lens_q"].dtype == torch.int32
    assert batch["max_length_q"] == batch["max_length_k"] == 3
