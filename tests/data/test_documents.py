from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import pytest

from hubformer.data import documents, files_of, sentence_spans, sentences
from hubformer.errors import InputError

TEXTS = ["One.\nTwo, too.", "Three."]


def squad(*contexts: list[str]) -> str:
    articles = [{"title": "T", "paragraphs": [{"context": c, "qas": []} for c in some]} for some in contexts]
    return json.dumps({"version": "1.1", "data": articles})


FILES = {
    "a.txt": "\n\n  One.\nTwo, too.\r\n \n\n\nThree.\n\n",
    "b.jsonl": "\n".join(json.dumps({"text": text, "more": 1}) for text in TEXTS),
    "c.json": json.dumps([{"document": text} for text in TEXTS]),
    "d.json": "\n " + squad(["One.", "Two, too."], ["Three. "]),
    "e.csv": 'article\n"One.\nTwo, too."\nThree.\n',
    "f.json": "\n".join(json.dumps({"text": text}) for text in TEXTS),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("zipped", [False, True])
def test_one_document_after_another(name: str, zipped: bool, tmp_path: Path) -> None:
    path = tmp_path / (name + ".gz" * zipped)
    path.write_bytes(gzip.compress(FILES[name].encode()) if zipped else FILES[name].encode())
    found = documents(path)
    assert [record["text"] for record in found] == TEXTS
    assert [record["text"] for record in found] == TEXTS  # read anew each time
    assert files_of(path) == [path]


def test_a_folder_is_its_files(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "z.md", ".hidden.txt"):
        (tmp_path / name).write_text(f"Of {name}.\n", encoding="utf-8")
    (tmp_path / "c.json").write_text(squad(["Of c."]), encoding="utf-8")
    assert [record["text"] for record in documents(tmp_path)] == ["Of a.txt.", "Of b.txt.", "Of c."]
    assert [path.name for path in files_of(tmp_path)] == ["a.txt", "b.txt", "c.json"]


def test_columns_and_formats(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({"title": "t", "words": "One."}), encoding="utf-8")
    assert [record["text"] for record in documents(path, columns={"text": "words"})] == ["One."]
    path = tmp_path / "x.data"
    path.write_text("One.\n\nTwo.", encoding="utf-8")
    assert [record["text"] for record in documents(path, format="lines")] == ["One.", "Two."]


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file that ends in"):
        documents(tmp_path)
    with pytest.raises(InputError, match="There is no file"):
        documents(tmp_path / "absent.txt")
    (tmp_path / "a.jsonl").write_text('{"words": "One."}', encoding="utf-8")
    with pytest.raises(InputError, match="no column 'text'"):
        list(documents(tmp_path / "a.jsonl"))
    (tmp_path / "b.json").write_text('{"data": [{"paragraphs": [{}]}]}', encoding="utf-8")
    with pytest.raises(InputError, match="Article 0"):
        list(documents(tmp_path / "b.json"))
    (tmp_path / "c.json").write_text('{"data": [', encoding="utf-8")
    with pytest.raises(InputError, match="not JSON"):
        list(documents(tmp_path / "c.json"))


SENTENCES = [
    ["One is here.", "Two is there!", "Is three?", "It is…", "Yes."],
    ['He said: "Go."', "She went.", "(He stayed.)", "“So be it.”", "It was."],
    ["Mr. Low met Dr. J. R. Hay on Mt. Ida.", "It rained."],
    ["It is 3.5 metres, e.g. in No. 4 and vol. 12, i.e. there.", "And no.", "They did not."],
    ["It said “stop!” and it stopped.", "Wait... no.", "Wait...", "No."],
    ["In the U.S. army there were 5,000 men.", "In 1914.", "1915 came."],
    ["这是一个句子。", "这是另一个！", "好。"],
    ["No mark", "at the end of a line", "Nor here"],
    ["Él vino.", "¿Qué?", "Élan."],
    ["What?!", "Yes!!", "“No.”"],
]


@pytest.mark.parametrize("expected", SENTENCES)
def test_sentences(expected: list[str]) -> None:
    gap = "" if expected[0].endswith("。") else "\n" if expected[0] == "No mark" else " "
    assert sentences(gap.join(expected)) == expected
    assert sentences(f"  {(gap or ' ').join(expected)}\n\n") == expected


def test_nothing_is_lost() -> None:
    chance = random.Random(0)
    parts = [
        ".",
        "!",
        "?",
        "…",
        "。",
        '"',
        "”",
        ")",
        "(",
        " ",
        " ",
        " ",
        "\n",
        "a",
        "B",
        "Mr",
        "U.S",
        "no",
        "7",
        "é",
    ]
    for _ in range(500):
        text = "".join(chance.choices(parts, k=chance.randint(0, 40)))
        spans = sentence_spans(text)
        inside = {place for begin, end in spans for place in range(begin, end)}
        assert len(inside) == sum(end - begin for begin, end in spans)
        assert spans == sorted(spans)
        assert all(text[place].isspace() for place in range(len(text)) if place not in inside)
        assert all(text[begin:end].strip() == text[begin:end] != "" for begin, end in spans)
