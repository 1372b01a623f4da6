from __future__ import annotations

import csv
import gzip
import io
import json
import random
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from hubformer.data import MissingPackage, read
from hubformer.errors import InputError

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data is not here")
ROWS = [
    {"text": 'She said "no", twice.', "label": "bad"},
    {"text": "two\nlines, one value", "label": "good"},
    {"text": "seps \u2028 and \x85 and \u00e9\u4e16", "label": "good"},
]


def as_csv(rows: list[dict[str, Any]], **options: Any) -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), **options)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


CONTENT = {
    "a.csv": as_csv(ROWS),
    "b.CSV": "\ufeff" + as_csv(ROWS),
    "c.jsonl": "\n\n".join(json.dumps(row) for row in ROWS),
    "d.json": json.dumps(ROWS, indent=1),
    "e.json": json.dumps({"version": 1, "data": ROWS}),
    "f.json": "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS),
    "g.ndjson": "\r\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", CONTENT)
def test_every_kind_of_file_gives_the_same_records(name: str, packed: bool, tmp_path: Path) -> None:
    path = tmp_path / (name + ".gz" * packed)
    content = CONTENT[name].encode()
    path.write_bytes(gzip.compress(content) if packed else content)
    records = read(path)
    assert list(records) == ROWS
    assert list(records) == ROWS  # and again


def test_parquet_and_datasets(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    datasets = pytest.importorskip("datasets")
    rows = [{"n": place, "text": str(place), "label": place % 2} for place in range(3000)]
    parquet.write_table(arrow.Table.from_pylist(rows), tmp_path / "a.parquet")
    assert list(read(tmp_path / "a.parquet")) == rows
    (tmp_path / "b.parquet").write_bytes(b"no such thing")
    with pytest.raises(InputError, match=r"not a Parquet file"):
        list(read(tmp_path / "b.parquet"))

    features = datasets.Features(
        {
            "n": datasets.Value("int64"),
            "text": datasets.Value("string"),
            "label": datasets.ClassLabel(names=["x", "y"]),
        }
    )
    found = datasets.Dataset.from_list(rows, features=features)
    records = read(found, columns={"sentence": "text", "target": "label"})
    assert records.count == 3000
    assert records.label_names == {"target": ["x", "y"]}
    assert next(iter(records)) == {"sentence": "0", "target": 0, "n": 0}
    assert list(read(found.to_iterable_dataset())) == rows
    with pytest.raises(InputError, match=r"'train', 'test'"):
        read(datasets.DatasetDict(train=found, test=found))


def test_a_data_frame() -> None:
    pandas = pytest.importorskip("pandas")
    records = read(pandas.DataFrame(ROWS), columns={"words": "text"})
    assert list(records) == [{"words": row["text"], "label": row["label"]} for row in ROWS]
    assert records.count == 3


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.parquet").touch()
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingPackage, match=r"'pyarrow'.*pip install 'hubformer\[data\]'") as caught:
        list(read(tmp_path / "a.parquet"))
    assert isinstance(caught.value, ImportError)


class Indexed(torch.utils.data.Dataset[dict[str, Any]]):
    def __len__(self) -> int:
        return len(ROWS)

    def __getitem__(self, place: int) -> dict[str, Any]:
        return ROWS[place]  # past the end this raises IndexError only by luck of the list


class Stream(torch.utils.data.IterableDataset[dict[str, Any]]):
    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(ROWS)


@pytest.mark.parametrize("source", [ROWS, tuple(ROWS), Indexed(), Stream(), dict.fromkeys(range(3))])
def test_objects(source: Any) -> None:
    if isinstance(source, dict):
        with pytest.raises(InputError, match=r"expected records"):
            read(source)
        return
    records = read(source)
    assert list(records) == list(records) == ROWS
    assert records.count == (None if isinstance(source, Stream) else 3)
    assert next(iter(read(records, columns={"words": "text"})))["words"] == ROWS[0]["text"]


def test_an_iterator_is_read_as_it_comes_and_only_once() -> None:
    asked = []

    def source() -> Iterator[dict[str, Any]]:
        for place in range(1000):
            asked.append(place)
            yield {"text": str(place)}

    records = read(source())
    rest = iter(records)
    assert [next(rest)["text"] for _ in range(3)] == ["0", "1", "2"]
    assert asked == [0, 1, 2]
    with pytest.raises(InputError, match=r"has been gone through"):
        iter(records)


def test_columns_by_name() -> None:
    rows = [{"sentence": "a", "text": "other", "gold": 1, "id": 7}]
    assert list(
        read(rows, columns={"text": "sentence", "label": "gold"}, required_columns=("text", "label"))
    ) == [{"text": "a", "label": 1, "id": 7}]
    swapped = read([{"a": 1, "b": 2}], columns={"a": "b", "b": "a"})
    assert list(swapped) == [{"a": 2, "b": 1}]
    aliases = {"text": ("sentence", "review"), "label": ("gold",)}
    assert list(read([{"review": "x", "gold": 0}], required_columns=("text",), column_aliases=aliases)) == [
        {"text": "x", "label": 0}
    ]
    records = read([{"review": "x", "gold": 0}], column_aliases=aliases)
    assert (list(records), records.read_as) == (
        [{"text": "x", "label": 0}],
        {"text": "review", "label": "gold"},
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"columns": {"text": "sentense"}},
            r"'sentense'.*Did you mean 'sentence'.*'sentence', 'review', 'label'",
        ),
        ({"required_columns": ("text",)}, r"no column 'text'.*'sentence', 'review', 'label'.*columns="),
        ({"required_columns": ("labels",)}, r"no column 'labels'. Did you mean 'label'"),
        (
            {"required_columns": ("text",), "column_aliases": {"text": ("sentence", "review")}},
            "several columns that could be 'text'",
        ),
    ],
)
def test_wrong_columns_name_what_was_found(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        list(read([{"sentence": "a", "review": "b", "label": 1}], **options))


def test_a_later_record_that_lacks_a_column_is_named() -> None:
    with pytest.raises(InputError, match=r"Record 1 of the list has no column 'label'"):
        list(read([{"text": "a", "label": 0}, {"text": "b"}], required_columns=("label",)))


def test_names_for_files_without_a_header_and_for_rows(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text('he said "hi\t1\n"oh\t0\n')
    expected = [{"text": 'he said "hi', "label": "1"}, {"text": '"oh', "label": "0"}]
    assert list(read(tmp_path / "a.tsv", names=("text", "label"))) == expected
    assert list(read([("x", 1), ["y", 2]], names=("text", "label")))[1] == {"text": "y", "label": 2}
    assert list(read(["x", "y"], names=("text",))) == [{"text": "x"}, {"text": "y"}]
    with pytest.raises(InputError, match=r"Record 0 has 3 values, expected 2"):
        list(read([(1, 2, 3)], names=("a", "b")))
    with pytest.raises(InputError, match=r"Record 0 of the list is str"):
        list(read(["x"]))


def test_a_quoted_tsv_is_asked_for_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text('text\tlabel\n"say ""hi"""\t1\n')
    assert next(iter(read(path)))["text"] == '"say ""hi"""'
    assert next(iter(read(path, format="quoted-tsv")))["text"] == 'say "hi"'


BROKEN = {
    "long.csv": (b"text,label\nx,1\ny,1,2\n", "Line 3 .* has 3 values, expected 2.*text, label"),
    "short.tsv": (b"text\tlabel\nx\n", "Line 2 .* has 1 values, expected 2"),
    "open.csv": (b'text,label\n"x,1\n', "cannot be read"),
    "twice.csv": (b"text,text\nx,1\n", "several columns called text"),
    "latin.csv": ("text\ncaf\xe9\n".encode("latin-1"), "not UTF-8: it has the byte 0xe9"),
    "cut.csv.gz": (gzip.compress(random.Random(0).randbytes(5000).hex().encode())[:-900], "not a whole gzip"),
    "plain.csv.gz": (b"text\nx\n", "not a whole gzip"),
    "a.jsonl": (b'{"text": 1}\n{"text": \n', "Line 2 .* is not JSON"),
    "b.jsonl": (b"[1]\n", "Line 1 .* is list, expected an object"),
    "a.json": (b'[{"text": 1}, {"text": ]', "is not JSON: .* at line 1, column 24"),
    "b.json": (b'[{"text": 1} {"text": 2}]', "is not JSON: Expecting ',' delimiter at line 1, column 14"),
    "c.json": (b'[{"text": 1}, ', "is not JSON: .* at line 1, column 15"),
    "d.json": (b'{"text": 1}', "holds an object with text"),
    "e.json": (b"[1]", "Record 0 .* is int"),
    "f.json": (b'{"a": ', "is not JSON"),
    "g.json": (b"7", "holds int"),
    "a.conll": (b"word\tO\nlonely\n", "Line 2 .* is 'lonely'; expected 2 columns"),
    "b.conll": (b"lonely\n", "expected a word and its tag"),
    "c.conll": (b"a\t\tO\nb\tO\n", "Line 2"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_told_with_their_place(name: str, tmp_path: Path) -> None:
    content, said = BROKEN[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=said):
        list(read(tmp_path / name))


def test_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("text\nx\n")
    (tmp_path / "odd.dat").write_text("text\nx\n")
    with pytest.raises(InputError, match=r"Did you mean 'train.csv'"):
        read(tmp_path / "trian.csv")
    with pytest.raises(InputError, match=r"is a folder.*odd.dat, train.csv"):
        read(tmp_path)
    with pytest.raises(InputError, match=r"Pass format="):
        read(tmp_path / "odd.dat")
    with pytest.raises(InputError, match=r"Did you mean 'jsonl'"):
        read(tmp_path / "odd.dat", format="jsonln")
    with pytest.raises(InputError, match=r"for files"):
        read(ROWS, format="csv")
    with pytest.raises(InputError, match=r"The data is int"):
        read(7)
    with pytest.raises(InputError, match=r"name their columns"):
        read(tmp_path / "train.csv", format="jsonl", names=("a",))
    assert list(read(tmp_path / "odd.dat", format="csv")) == [{"text": "x"}]


def test_empty_files_have_no_records(tmp_path: Path) -> None:
    for name, content in {
        "a.csv": "",
        "b.csv": "text\n",
        "c.json": "[]",
        "d.json": " [ ] ",
        "e.jsonl": "",
        "f.conll": "",
    }.items():
        (tmp_path / name).write_text(content)
        assert list(read(tmp_path / name)) == [], name


def test_long_files_are_streamed(tmp_path: Path) -> None:
    """Peak memory stays far below the file's 30 MB, whatever a file of JSON lines is called."""
    rows = [{"text": "word " * 20_000, "label": place} for place in range(300)]
    rows[7]["text"] *= 10
    (tmp_path / "a.csv").write_text(as_csv(rows))
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "b.json").write_text((tmp_path / "a.jsonl").read_text())
    for name in ("b.json", "a.csv", "a.jsonl"):
        tracemalloc.start()
        assert sum(int(row["label"]) for row in read(tmp_path / name)) == sum(range(300))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 16e6, (name, peak)


def test_squad_of_both_versions(tmp_path: Path) -> None:
    answer = {"text": "blue", "answer_start": 11}
    qas: list[dict[str, Any]] = [{"id": "1", "question": "Which colour?", "answers": [answer, answer]}]
    content = {"data": [{"title": "t", "paragraphs": [{"context": "The sky is blue.", "qas": qas}]}]}
    (tmp_path / "one.json").write_text(json.dumps(content))
    assert list(read(tmp_path / "one.json")) == [
        {
            "id": "1",
            "title": "t",
            "context": "The sky is blue.",
            "question": "Which colour?",
            "answers": {"text": ["blue", "blue"], "answer_start": [11, 11]},
        }
    ]
    qas[0]["is_impossible"] = False
    qas.append({"id": "2", "question": "Who?", "is_impossible": True, "plausible_answers": [answer]})
    (tmp_path / "two.json").write_text(json.dumps(content))
    one, two = read(tmp_path / "two.json", format="squad")
    assert (one["is_impossible"], two["is_impossible"], two["answers"]["text"]) == (False, True, [])
    del qas[0]["question"]
    (tmp_path / "two.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"Question 0 of paragraph 0 of article 0 .* has no 'question'"):
        list(read(tmp_path / "two.json"))
    (tmp_path / "three.json").write_text("[]")
    with pytest.raises(InputError, match=r"not of SQuAD's form"):
        list(read(tmp_path / "three.json", format="squad"))


def test_conll(tmp_path: Path) -> None:
    path = tmp_path / "a.conll"
    path.write_text("-DOCSTART- -X- O\n\nAnn NNP B-PER\nsleeps VBZ O\n\t\n# HT O\n\n\n\nx y O")
    assert list(read(path)) == [
        {"tokens": ["Ann", "sleeps"], "tags": ["B-PER", "O"]},
        {"tokens": ["#"], "tags": ["O"]},
        {"tokens": ["x"], "tags": ["O"]},
    ]
    path.write_text("New York\tB-LOC\n\u2028\tO\n")
    assert list(read(path)) == [{"tokens": ["New York", "\u2028"], "tags": ["B-LOC", "O"]}]


@shared
@pytest.mark.parametrize(
    ("path", "format", "count"),
    [
        ("sst2/dev.tsv", "sst2", 872),
        ("sst2/train.tsv.gz", "sst2", 67349),
        ("mrpc/msr_paraphrase_train.txt", "mrpc", 4076),
        ("mrpc/test.tsv", "mrpc", 1725),
        ("rte/dev.tsv", "rte", 277),
        ("rte/train.tsv", "rte", 2490),
        ("stsb/train.tsv", "stsb", 5749),
        ("stsb/original-sts-dev.tsv", "sts-original", 1500),
        ("stsb/original-sts-test.tsv", "sts-original", 1379),
        ("stsb/original-sts-train.tsv", "sts-original", 5749),
    ],
)
def test_glue(path: str, format: str, count: int) -> None:
    pair = () if format == "sst2" else ("text_pair",)
    records = list(read(SHARED / path, format=format, required_columns=("text", *pair, "label")))
    assert len(records) == count
    assert all(record["text"].strip() and record["label"].strip() for record in records)


@shared
def test_other_shared_files() -> None:
    assert sum(1 for _ in read(SHARED / "squad/dev-v1.1.json.gz")) == 10570
    for name, count in {
        "emerging.dev.conll": 1009,
        "emerging.test.annotated": 1287,
        "wnut17train.conll": 3394,
    }.items():
        sentences = list(read(SHARED / "wnut17" / name, format="conll"))
        assert len(sentences) == count
        assert all(len(s["tokens"]) == len(s["tags"]) > 0 for s in sentences)
        assert all(tag == "O" or tag[:2] in ("B-", "I-") for s in sentences for tag in s["tags"])
    assert sum(1 for line in read(SHARED / "wikitext-2/valid.txt") if line["text"].strip()) == 2461
    assert sum(1 for _ in read(SHARED / "crows-pairs/crows_pairs_anonymized.csv")) == 1508
