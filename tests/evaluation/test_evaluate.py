from __future__ import annotations

import itertools
import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import hubformer
from hubformer.data import MissingPackage, read
from hubformer.errors import InputError, UnknownArgument, UnknownName
from hubformer.evaluation import Evaluation, evaluate
from hubformer.evaluation.language import losses
from hubformer.evaluation.plots import training_curves
from hubformer.evaluation.tasks import tags_of_words
from hubformer.pipelines import pipeline

SHARED = Path(__file__).resolve().parents[3] / "shared"
shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data is not here")
WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "good",
    "bad",
    "day",
    "night",
    "a",
    "the",
    "sky",
    "is",
    "blue",
    "red",
    "what",
    "colour",
    "?",
    ".",
    "##s",
    "un",
    "##known",
]
SIZES = {
    "vocab_size": len(WORDS),
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 48,
}
ROWS = [
    {"text": text, "label": label}
    for text, label in zip(
        ["good day", "bad night", "a good night .", "the sky is blue", "bad bad day", "what a day ?"] * 5,
        [1, 0, 1, 1, 0, 0] * 5,
        strict=True,
    )
]


def made(folder: Path, kind: str, *, words: list[str] = WORDS, **more: Any) -> Path:
    """A tiny random model in a folder, every parameter shaken, with its vocabulary."""
    torch.manual_seed(0)
    sizes = {**SIZES, "vocab_size": len(words), **more}
    model = getattr(hubformer, kind)(hubformer.BertConfig(**sizes))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    model.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    settings = {"model_max_length": sizes["max_position_embeddings"], "tokenizer_class": "BertTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    names = {0: "NO", 1: "YES"}
    return made(tmp_path_factory.mktemp("classifier"), "BertForSequenceClassification", id2label=names)


def test_classification_counts_what_the_pipeline_answers(classifier: Path) -> None:
    answers = pipeline("text-classification", str(classifier))([row["text"] for row in ROWS])
    right = sum(
        answer["label"] == ("NO", "YES")[row["label"]] for answer, row in zip(answers, ROWS, strict=True)
    )
    found = evaluate("sentiment-analysis", str(classifier), ROWS, resamples=50)
    assert found.metrics["accuracy"] == pytest.approx(right / len(ROWS))
    assert found.examples == 30
    assert found.model == str(classifier)
    assert {"f1", "f1_macro", "matthews", "roc_auc", "expected_calibration_error"} <= found.metrics.keys()
    assert found.intervals.keys() == found.metrics.keys()
    low, high = found.intervals["accuracy"]
    assert low <= right / len(ROWS) <= high
    matrix = found.details["confusion_matrix"]
    assert matrix["labels"] == ["NO", "YES"]
    assert sum(map(sum, matrix["counts"])) == 30
    assert list(found.details["per_label"]) == ["NO", "YES"]


def test_every_way_to_give_model_and_data_gives_the_same(classifier: Path, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text(
        "review,stars\n" + "".join(f"{row['text']},{['no', 'yes'][row['label']]}\n" for row in ROWS)
    )
    expected = evaluate("text-classification", str(classifier), ROWS, resamples=20).metrics
    pipe = pipeline("text-classification", str(classifier))
    loaded = hubformer.AutoModelForSequenceClassification.from_pretrained(classifier)
    columns = {"text": "review", "label": "stars"}
    for model in (str(classifier), pipe, loaded):
        found = evaluate("text-classification", model, path, columns=columns, resamples=20)
        assert found.metrics == expected
        assert found.settings["columns"] == columns
    assert evaluate("text-classification", pipe, (row for row in ROWS), resamples=0).metrics == expected
    turned = [{"sentence": row["text"], "label": ["NO", "YES"][1 - row["label"]].lower()} for row in ROWS]
    labels = {"yes": "NO", "no": "YES"}
    assert evaluate("text-classification", pipe, turned, labels=labels, resamples=0).metrics == expected
    with pytest.raises(InputError, match=r"device cannot be changed"):
        evaluate("text-classification", pipe, ROWS, device="cpu")


def test_numbers_of_a_data_set_go_by_its_names(classifier: Path) -> None:
    datasets = pytest.importorskip("datasets")
    expected = evaluate("text-classification", str(classifier), ROWS, resamples=0).metrics
    for names, rows in (
        (["no", "yes"], ROWS),
        (["yes", "no"], [{**row, "label": 1 - row["label"]} for row in ROWS]),  # other order, same names
        (["negative", "positive"], ROWS),  # other names: the numbers count
    ):
        features = datasets.Features(
            {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=names)}
        )
        found = evaluate(
            "text-classification",
            str(classifier),
            datasets.Dataset.from_list(rows, features=features),
            resamples=0,
        )
        assert found.metrics == expected
    turned = [{**row, "label": 1 - row["label"]} for row in ROWS]
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["yes", "no"])}
    )
    arrays = datasets.Dataset.from_list(turned, features=features).with_format("numpy")
    assert evaluate("text-classification", str(classifier), arrays, resamples=0).metrics == expected


def test_pairs_and_regression(tmp_path: Path) -> None:
    stats = pytest.importorskip("scipy.stats")
    folder = made(tmp_path / "pairs", "BertForSequenceClassification", num_labels=1)
    rows = [
        {"sentence1": "good day", "sentence2": text["text"], "score": str(place)}
        for place, text in enumerate(ROWS[:6])
    ]
    found = evaluate("text-classification", str(folder), rows, dtype="float64", resamples=10)
    pipe = pipeline("text-classification", str(folder), function_to_apply="none", dtype="float64")
    scores = [pipe({"text": "good day", "text_pair": row["sentence2"]})["score"] for row in rows]
    assert found.metrics["pearson"] == pytest.approx(stats.pearsonr(scores, range(6)).statistic)
    assert found.metrics["spearman"] == pytest.approx(stats.spearmanr(scores, range(6)).statistic)
    assert found.settings["columns"] == {"text": "sentence1", "text_pair": "sentence2", "label": "score"}
    with pytest.raises(InputError, match=r"label of record 0 of the list is 'high', expected a number"):
        evaluate("text-classification", str(folder), [{"text": "a", "label": "high"}])


@pytest.mark.parametrize(
    ("task", "data", "options", "error", "said"),
    [
        ("sentiment-analisys", ROWS, {}, UnknownName, "Did you mean 'sentiment-analysis'"),
        ("fill-mask", ROWS, {}, UnknownName, "No metrics for the task 'fill-mask'"),
        ("text-classification", [], {}, InputError, "the list has no records"),
        ("text-classification", [{"text": "a"}], {}, InputError, "no column 'label'.*'text'"),
        (
            "text-classification",
            [{"text": "a", "label": "maybe"}],
            {},
            InputError,
            "'maybe', expected one of NO, YES",
        ),
        (
            "text-classification",
            [{"text": "a", "label": 2}],
            {},
            InputError,
            "label of record 0 of the list is 2",
        ),
        ("text-classification", [{"text": "", "label": 1}], {}, InputError, "text of record 0 .* is ''"),
        ("text-classification", [{"text": "good " * 60, "label": 1}], {}, InputError, "truncation=True"),
        ("text-classification", ROWS, {"truncations": True}, UnknownArgument, "Did you mean 'truncation'"),
        ("text-classification", ROWS, {"limit": 0}, InputError, "limit is 0"),
        (
            "text-classification",
            ROWS,
            {"labels": {"x": "PERHAPS"}},
            InputError,
            "'PERHAPS', which the model does not",
        ),
        ("text-classification", ROWS, {"resamples": -1}, InputError, "resamples is -1"),
        ("text-classification", ROWS, {"level": 95}, InputError, "level is 95"),
        ("text-classification", ROWS, {"top_k": 1}, InputError, "top_k is 1, .* measured with None"),
        ("text-classification", ROWS, {"scheme": "IOB3"}, InputError, "scheme is 'IOB3'. Did you mean"),
        ("text-classification", "missing.csv", {}, InputError, "There is no file missing.csv"),
    ],
)
def test_errors_say_what_to_do(
    task: str, data: Any, options: dict[str, Any], error: type[Exception], said: str, classifier: Path
) -> None:
    with pytest.raises(error, match=said):
        evaluate(task, str(classifier), data, **options)


def test_truncation_and_limit(classifier: Path) -> None:
    rows = [{"text": "good " * 60, "label": 1}, *ROWS]
    found = evaluate("text-classification", str(classifier), rows, truncation=True, limit=3, resamples=0)
    assert found.examples == 3


CONTEXT = "The sky is blue . The night is red ."
QUESTIONS = [
    {
        "question": "what colour is the sky ?",
        "context": CONTEXT,
        "answers": {"text": ["blue"], "answer_start": [11]},
    },
    {
        "question": "what is red ?",
        "context": CONTEXT,
        "answers": {"text": ["The night", "night"], "answer_start": [18, 22]},
    },
]


def test_answers_of_both_versions(tmp_path: Path) -> None:
    folder = made(tmp_path / "answers", "BertForQuestionAnswering")
    pipe = pipeline("question-answering", str(folder))
    given = [
        answer["answer"] for answer in pipe([{k: q[k] for k in ("question", "context")} for q in QUESTIONS])
    ]
    rows = [{**question, "answers": [answer]} for question, answer in zip(QUESTIONS, given, strict=True)]
    assert evaluate("question-answering", str(folder), rows, resamples=10).metrics == {
        "exact": 100.0,
        "f1": 100.0,
    }
    rows[0]["answers"] = ["none of this"]
    assert evaluate("question-answering", pipe, rows, resamples=0).metrics["exact"] == 50.0
    with pytest.raises(InputError, match=r"no gold answer.*is_impossible"):
        evaluate("question-answering", pipe, iter([QUESTIONS[1], {**QUESTIONS[0], "answers": []}]))

    two = [{**q, "is_impossible": place == 1} for place, q in enumerate(QUESTIONS)]
    two[1]["answers"] = {"text": [], "answer_start": []}
    (tmp_path / "two.jsonl").write_text("\n".join(map(json.dumps, two)))
    found = evaluate("question-answering", pipe, tmp_path / "two.jsonl", resamples=0)
    free = pipe(
        [{k: q[k] for k in ("question", "context")} for q in QUESTIONS], handle_impossible_answer=True
    )
    assert found.metrics["NoAns_exact"] == 100.0 * (free[1]["answer"] == "")
    assert found.details["squad_version"] == 2
    assert found.settings["options"]["handle_impossible_answer"] is True
    forced = evaluate(
        "question-answering", pipe, tmp_path / "two.jsonl", handle_impossible_answer=False, resamples=0
    )
    assert forced.metrics["NoAns_exact"] == 0.0
    with pytest.raises(InputError, match=r"top_k is 2, but question-answering is measured with 1"):
        evaluate("question-answering", pipe, two, top_k=2)


def test_words_take_the_tag_of_their_first_token() -> None:
    tokens = [
        {"entity": "B-x", "start": 0, "end": 2},
        {"entity": "I-y", "start": 2, "end": 7},
        {"entity": "I-x", "start": 7, "end": 12},  # with the space before
        {"entity": "O", "start": 16, "end": 17},
    ]
    assert tags_of_words(["unknown", "days", "\u200b", "."], tokens) == ["B-x", "I-x", "O", "O"]


NAMES = {0: "O", 1: "B-per", 2: "I-per", 3: "B-loc", 4: "I-loc"}


def first_token_tags(folder: Path, sentences: list[list[str]], names: dict[int, str]) -> list[list[str]]:
    """The oracle's tag for each word: that of the first token with the word's id; O where there is none."""
    transformers = pytest.importorskip("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForTokenClassification.from_pretrained(folder).eval()
    found = []
    for words in sentences:
        encoded = tokenizer(words, is_split_into_words=True, return_tensors="pt")
        with torch.no_grad():
            best = model(**encoded).logits[0].argmax(-1).tolist()
        of = encoded.word_ids(0)
        found.append([names[best[of.index(place)]] if place in of else "O" for place in range(len(words))])
    return found


@pytest.mark.filterwarnings("ignore")  # the oracle's own
@pytest.mark.parametrize("whose", ["ours", "the oracle's"])
def test_entities(whose: str, tmp_path: Path) -> None:
    """evaluate takes any pipeline of the v4 call shape; the reference aligns words by the tokenizer's word
    ids."""
    folder = made(tmp_path / "tags", "BertForTokenClassification", id2label=NAMES)
    sentences = [["unknown", "days", "is", "blue"], ["a", "unknown"], ["the", "sky", "?", "bads", "."]] * 4
    expected = first_token_tags(folder, sentences, NAMES)
    assert len({tag for tags in expected for tag in tags}) > 2
    rows = [{"tokens": words, "tags": tags} for words, tags in zip(sentences, expected, strict=True)]
    pipe: Any = str(folder)
    if whose == "the oracle's":
        transformers = pytest.importorskip("transformers")
        pipe = transformers.pipeline("token-classification", model=pipe, device="cpu")
    found = evaluate("ner", pipe, rows, scheme="lenient", resamples=10)
    assert found.metrics["f1"] == found.metrics["accuracy"] == 1.0
    assert found.details["per_type"]
    rows[0] = {**rows[0], "tags": ["B-thing", "O", "O", "O"]}
    with pytest.raises(InputError, match=r"tag 'B-thing', which the model does not have.*B-loc, B-per"):
        evaluate("ner", pipe, rows)
    renamed = evaluate("ner", pipe, rows, labels={"B-thing": "B-per"}, scheme="lenient", resamples=0)
    assert renamed.metrics["accuracy"] < 1


def test_entities_of_long_sentences(tmp_path: Path) -> None:
    """Windows read what is longer than the model; each word is counted once."""
    folder = made(tmp_path / "tags", "BertForTokenClassification", id2label=NAMES)
    rows = [{"tokens": ["good", "unknown", "days"] * 20, "tags": ["O", "B-per", "I-per"] * 20}]
    with pytest.raises(InputError, match=r"reads at most 48. Pass stride="):
        evaluate("ner", str(folder), rows)
    found = evaluate("ner", str(folder), rows, stride=10, resamples=0)
    tags = pipeline("ner", str(folder), ignore_labels=[], stride=10)(" ".join(rows[0]["tokens"]))
    firsts = [one["entity"] for one in tags if not one["word"].startswith("##")]
    right = sum(ours == theirs for ours, theirs in zip(firsts, rows[0]["tags"], strict=True))
    assert found.metrics["accuracy"] == pytest.approx(right / 60)
    with pytest.raises(InputError, match=r"aggregation_strategy is 'simple', but .* measured with 'none'"):
        evaluate("ner", str(folder), rows, stride=10, aggregation_strategy="simple")


@shared
@pytest.mark.filterwarnings("ignore")  # the oracle's own
def test_entities_of_wnut17(tmp_path: Path) -> None:
    """Real text, full of what tokenizers drop, through a model that knows letters and no words."""
    types = ("corporation", "creative-work", "group", "location", "person", "product")
    names = dict(enumerate(["O", *(f"{prefix}-{kind}" for kind in types for prefix in "BI")]))
    data = SHARED / "data/wnut17/emerging.dev.conll"
    records = list(itertools.islice(read(data, required_columns=("tokens", "tags")), 150))
    letters = sorted({letter for row in records for word in row["tokens"] for letter in word.lower()})
    folder = made(
        tmp_path / "tags",
        "BertForTokenClassification",
        id2label=names,
        words=[*WORDS[:5], *letters, *(f"##{letter}" for letter in letters)],
        max_position_embeddings=512,
    )
    sentences = [row["tokens"] for row in records]
    expected = first_token_tags(folder, sentences, names)
    same = [
        o == t
        for tags, row in zip(expected, records, strict=True)
        for o, t in zip(tags, row["tags"], strict=True)
    ]
    found = evaluate("ner", str(folder), data, limit=150, resamples=0)
    assert found.examples == 150
    assert found.metrics["accuracy"] == pytest.approx(sum(same) / len(same), abs=1e-9)
    ours = [{"tokens": words, "tags": tags} for words, tags in zip(sentences, expected, strict=True)]
    assert evaluate("ner", str(folder), ours, resamples=0).metrics["accuracy"] == 1.0


class Shouting:
    """A pipeline of the v4 call shape that writes: the text in capitals."""

    def __init__(self, model: Any, key: str) -> None:
        self.model, self.key, self.tokenizer = model, key, None

    def __call__(self, texts: Any, **options: Any) -> Any:
        return ([{self.key: text.upper()}] for text in texts)


@pytest.mark.parametrize(
    ("task", "key", "expected"),
    [
        ("summarization", "summary_text", {"rouge1": 1.0, "rougeLsum": 1.0}),
        ("translation_en_to_de", "translation_text", {"bleu": 100.0, "chrf": 100.0}),
        ("text2text-generation", "generated_text", {"rouge1": 1.0, "bleu": 100.0}),
    ],
)
def test_generated_texts(task: str, key: str, expected: dict[str, float], classifier: Path) -> None:
    pipe = Shouting(hubformer.AutoModel.from_pretrained(classifier), key)
    rows = [{"article": "a b c d e", "target": "A B C D E"}, {"article": "f g h i", "target": "F G H I"}]
    found = evaluate(task, pipe, rows, resamples=5).metrics
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_perplexity_against_the_oracle(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    folder = made(tmp_path / "causal", "BertLMHeadModel", is_decoder=True)
    oracle = transformers.BertLMHeadModel.from_pretrained(folder, dtype=torch.float64).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    texts = [row["text"] for row in ROWS[:6]]
    total, tokens = 0.0, 0
    for text in texts:
        ids = tokenizer(text, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            said = oracle(ids).logits[0, :-1].log_softmax(-1)
        total -= float(said.gather(1, ids[0, 1:, None]).sum())
        tokens += ids.shape[1] - 1
    found = evaluate(
        "language-modeling", str(folder), [{"text": text} for text in texts], dtype="float64", resamples=20
    )
    assert found.metrics["loss"] == pytest.approx(total / tokens, rel=1e-9)
    assert found.metrics["perplexity"] == pytest.approx(math.exp(total / tokens), rel=1e-9)
    assert found.details["tokens"] == tokens

    # Windows: each token once, after at least half a window.
    model = hubformer.BertLMHeadModel.from_pretrained(folder, dtype=torch.float64).eval()
    ids = torch.randint(5, len(WORDS), (23,), generator=torch.Generator().manual_seed(0)).tolist()
    for length in (8, 9, 23, 40):
        expected, place = 0.0, 1
        while place < 23:
            start = 0 if place == 1 else place - (length - length // 2)
            stop = min(start + length, 23)
            with torch.no_grad():
                said = oracle(torch.tensor([ids[start:stop]])).logits[0].log_softmax(-1)
            expected -= sum(float(said[at - 1 - start, ids[at]]) for at in range(place, stop))
            place = stop
        assert list(losses(model, [ids, [5], []], length=length)) == [
            (pytest.approx(expected, rel=1e-9), 22),
            (0.0, 0),
            (0.0, 0),
        ]
    with pytest.raises(InputError, match=r"max_length is 99, expected 2 to 48"):
        evaluate("language-modeling", str(folder), [{"text": "a"}], max_length=99)
    with pytest.raises(UnknownArgument, match=r"Did you mean 'max_length'"):
        evaluate("language-modeling", str(folder), [{"text": "a"}], max_lenght=9)


# Reports


def report(**more: Any) -> Evaluation:
    given: dict[str, Any] = {
        "task": "text-classification",
        "model": "org/name",
        "data": "dev.tsv",
        "examples": 30,
        "seconds": 1.5,
        "metrics": {"accuracy": 0.9, "matthews": float("nan"), "exact": 81.234567},
        "intervals": {
            "accuracy": (0.85, 0.95),
            "matthews": (float("nan"), float("nan")),
            "exact": (80.0, 82.5),
        },
        "level": 0.95,
        "details": {"confusion_matrix": {"labels": ["NO", "YES"], "counts": [[9, 1], [2, 18]]}},
    }
    return Evaluation(**{**given, **more})


def test_the_table_is_aligned() -> None:
    assert report().table() == (
        "text-classification: org/name on dev.tsv\n"
        "30 examples in 1.5 s (20.0/s)\n"
        "\n"
        "metric        value           95 % interval\n"
        "--------  ---------  ----------------------\n"
        "accuracy     0.9000        0.8500 to 0.9500\n"
        "matthews  undefined  undefined to undefined\n"
        "exact         81.23          80.00 to 82.50\n"
        "\n"
        "rows: true, columns: predicted\n"
        "     NO  YES\n"
        "---  --  ---\n"
        "NO    9    1\n"
        "YES   2   18\n"
    )


def test_json_has_no_nan() -> None:
    found = json.loads(report().to_json(), parse_constant=lambda name: pytest.fail(name))
    assert found["metrics"]["accuracy"] == {"value": 0.9, "low": 0.85, "high": 0.95}
    assert found["metrics"]["matthews"] == {"value": None, "low": None, "high": None}


def pixels(png: bytes, tmp_path: Path) -> Any:
    image = pytest.importorskip("matplotlib.image")
    (tmp_path / "read.png").write_bytes(png)
    return image.imread(tmp_path / "read.png")


def test_saved_folder_with_plots(classifier: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    found = evaluate("text-classification", str(classifier), ROWS, resamples=20)
    written = found.save(tmp_path / "out")
    assert [path.name for path in written] == [
        "evaluation.json",
        "evaluation.txt",
        "confusion_matrix.png",
        "reliability.png",
    ]
    assert (tmp_path / "out" / "evaluation.txt").read_text() == found.table()
    for name in ("confusion_matrix.png", "reliability.png"):
        shape = pixels((tmp_path / "out" / name).read_bytes(), tmp_path)
        assert min(shape.shape[:2]) > 300
        assert shape.std() > 0.05  # something is drawn


def test_plots_without_matplotlib_name_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingPackage, match=r"'matplotlib'.*hubformer\[evaluation\]"):
        report().save(tmp_path / "out")
    assert not (tmp_path / "out").exists()
    report().save(tmp_path / "out", plots=False)
    assert (tmp_path / "out" / "evaluation.json").is_file()


def log_of(entries: list[dict[str, Any]]) -> str:
    return "\n".join(map(json.dumps, entries))


LOG: list[dict[str, Any]] = [
    *(
        {"loss": 1 / step, "learning_rate": 1e-3 / step, "epoch": step / 5, "step": step}
        for step in range(1, 11)
    ),
    {"eval_loss": 0.4, "eval_accuracy": 0.8, "eval_exact": 71.0, "eval_runtime": 3.0, "step": 5},
    {"eval_loss": 0.3, "eval_accuracy": 0.9, "eval_exact": 75.0, "eval_runtime": 3.0, "step": 10},
]


def test_training_curves(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    log, state = tmp_path / "log.jsonl", tmp_path / "trainer_state.json"
    with pytest.raises(InputError, match=r"neither log.jsonl nor trainer_state.json"):
        training_curves(tmp_path)
    with pytest.raises(InputError, match=r"There is no file"):
        training_curves(state)
    state.write_text(json.dumps({"log_history": LOG}))
    drawn = pixels(training_curves(tmp_path), tmp_path)
    assert drawn.std() > 0.05
    log.write_text(log_of(LOG))
    for run in (tmp_path, log):
        assert (pixels(training_curves(run), tmp_path) == drawn).all()
    log.write_text(log_of([{"loss": 1.0, "step": 1}, {"loss": 0.5, "step": 2}]))
    assert pixels(training_curves(log), tmp_path).shape[0] < drawn.shape[0] / 2
    log.write_text(log_of([{"epoch": 1, "step": 2}, {"loss": float("inf"), "step": 3}]))
    with pytest.raises(InputError, match=r"has no loss.*it has epoch"):
        training_curves(log)
    for content in (b"{}", b"[", b"[1]"):
        state.write_bytes(content)
        with pytest.raises(InputError, match=r"has no log_history"):
            training_curves(state)
    state.write_bytes(b"\xff")
    with pytest.raises(InputError, match=r"is not UTF-8"):
        training_curves(state)


@shared
@pytest.mark.slow
def test_the_sentiment_model_has_its_known_accuracy() -> None:
    found = evaluate(
        "sentiment-analysis", str(SHARED / "models/minilm-sst2"), SHARED / "data/sst2/dev.tsv", format="sst2"
    )
    assert round(found.metrics["accuracy"], 4) == 0.8876
