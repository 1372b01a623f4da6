from __future__ import annotations

import itertools
import json
import math
import random
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

from hubformer import metrics
from hubformer.data import MissingPackage, read
from hubformer.errors import InputError
from hubformer.metrics.answers import normalised
from hubformer.metrics.entities import spans
from hubformer.metrics.resampling import Weights, weight_columns
from hubformer.tasks.question_answering import gold_answers

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
WORDS = ["the", "a", "cat", "sat", "on", "mat", ",", ".", "in", "Paris", "1995", "blue-green", "an"]


def near(ours: dict[str, float], theirs: dict[str, float], tolerance: float = 1e-12) -> None:
    assert ours == pytest.approx(theirs, rel=tolerance, abs=tolerance, nan_ok=True)


# Labels

LABELS: dict[str, tuple[list[Any], list[Any]]] = {
    "random, 4 labels": (random.Random(0).choices("abcd", k=300), random.Random(1).choices("abcd", k=300)),
    "two labels": ([0, 1, 1, 0, 1, 1], [0, 1, 0, 1, 1, 1]),
    "one label": (["x"] * 4, ["x"] * 4),
    "one predicted": (["x"] * 4, ["x", "y", "y", "x"]),
    "one reference": (["x", "y", "y", "x"], ["x"] * 4),
    "none right": (["x", "x"], ["y", "y"]),
    "one example": ([3], [3]),
    "skewed": ([0] * 95 + [1] * 5, [0] * 90 + [1] * 10),
}


@pytest.mark.filterwarnings("ignore::UserWarning")  # scikit-learn's, about divisions by zero
@pytest.mark.parametrize("name", LABELS)
def test_labels_against_scikit_learn(name: str) -> None:
    theirs = pytest.importorskip("sklearn.metrics")
    predictions, references = LABELS[name]
    positive = sorted(set(predictions + references))[-1]
    metric = metrics.Classification(positive=positive)
    metric.update(predictions, references)
    expected = {
        "accuracy": theirs.accuracy_score(references, predictions),
        "matthews": theirs.matthews_corrcoef(references, predictions),
    }
    scores = ("precision", "recall", "f1")
    for average in ("micro", "macro", "weighted"):
        found = theirs.precision_recall_fscore_support(references, predictions, average=average)
        expected |= {f"{score}_{average}": value for score, value in zip(scores, found[:3], strict=True)}
    found = theirs.precision_recall_fscore_support(references, predictions, labels=[positive], average=None)
    expected |= {score: value[0] for score, value in zip(scores, found[:3], strict=True)}
    near(metric.compute(), expected)
    near(one(metrics.Accuracy(), predictions, references), {"accuracy": expected["accuracy"]})
    near(one(metrics.Matthews(), predictions, references), {"matthews": expected["matthews"]})
    near(
        one(metrics.F1(average="macro"), predictions, references), {s: expected[f"{s}_macro"] for s in scores}
    )
    near(one(metrics.F1(positive=positive), predictions, references), {s: expected[s] for s in scores})

    names = sorted(set(predictions + references))
    each = theirs.precision_recall_fscore_support(references, predictions, labels=names, average=None)
    for place, label in enumerate(names):
        row = metric.per_name()[label]
        near(row, dict(zip((*scores, "support"), (float(e[place]) for e in each), strict=True)))
    matrix = metrics.ConfusionMatrix()
    matrix.update(predictions, references)
    assert matrix.labels == names
    assert matrix.compute() == theirs.confusion_matrix(references, predictions).tolist()


def one(metric: Any, predictions: Any, references: Any) -> dict[str, float]:
    metric.update(predictions, references)
    found: dict[str, float] = metric.compute()
    return found


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_labels_that_never_occur_count_where_they_were_given() -> None:
    theirs = pytest.importorskip("sklearn.metrics")
    metric = metrics.Classification(labels=["a", "b", "z"])
    ours = one(metric, ["a", "b", "a"], ["a", "b", "b"])
    assert ours["f1_macro"] == pytest.approx(
        theirs.f1_score(["a", "b", "b"], ["a", "b", "a"], labels=["a", "b", "z"], average="macro")
    )
    assert list(metric.per_name()) == ["a", "b", "z"]
    with pytest.raises(InputError, match=r"predictions\[0\] is 'q', expected one of a, b, z"):
        metric.update(["q"], ["a"])
    with pytest.raises(InputError, match=r"Did you mean 'beta'"):
        metrics.Classification(labels=["alpha", "beta"]).update(["betta"], ["beta"])


def scores_of(rows: int, columns: int, *, ties: bool, seed: int = 0) -> Any:
    found = numpy.random.default_rng(seed).random((rows, columns))
    return numpy.round(found, 1) if ties else found


@pytest.mark.parametrize("ties", [False, True])
def test_roc_auc_against_scikit_learn(ties: bool) -> None:
    theirs = pytest.importorskip("sklearn.metrics")
    scores, labels = scores_of(200, 1, ties=ties)[:, 0], numpy.random.default_rng(1).integers(0, 2, 200)
    near(one(metrics.RocAuc(), scores, labels), {"roc_auc": theirs.roc_auc_score(labels, scores)})
    several, kinds = (
        scores_of(200, 3, ties=False),
        numpy.random.default_rng(2).choice(3, 200, p=[0.6, 0.3, 0.1]),
    )
    several = several / several.sum(1, keepdims=True)
    for average in ("macro", "weighted"):
        expected = theirs.roc_auc_score(kinds, several, multi_class="ovr", average=average)
        near(one(metrics.RocAuc(average=average), several.tolist(), kinds.tolist()), {"roc_auc": expected})


def test_roc_auc_of_one_label_is_undefined() -> None:
    assert math.isnan(one(metrics.RocAuc(), [0.1, 0.2], [1, 1])["roc_auc"])
    assert one(metrics.RocAuc(), [0.5, 0.5], [1, 0]) == {"roc_auc": 0.5}
    with pytest.raises(InputError, match=r"two scores"):
        metrics.RocAuc().update([[0.1, 0.9]], [1])
    with pytest.raises(InputError, match=r"references\[0\] is 2"):
        metrics.RocAuc().update([0.1], [2])


def test_calibration_by_hand_and_brier_against_scikit_learn() -> None:
    theirs = pytest.importorskip("sklearn.metrics")
    metric = metrics.Calibration(bins=2)
    ours = one(metric, [0.2, 0.4, 0.9, 0.9], [False, True, True, True])
    assert ours["expected_calibration_error"] == pytest.approx(0.5 * abs(0.3 - 0.5) + 0.5 * abs(0.9 - 1))
    assert ours["brier"] == pytest.approx(theirs.brier_score_loss([0, 1, 1, 1], [0.2, 0.4, 0.9, 0.9]))
    assert metric.curve()[0] == {
        "from": 0.0,
        "to": 0.5,
        "examples": 2,
        "confidence": pytest.approx(0.3),
        "accuracy": 0.5,
    }
    edges = metrics.Calibration(bins=10)
    edges.update([0.0, 0.1, 1.0, 1.0000001], [1, 1, 1, 1])
    assert [row["examples"] for row in edges.curve()] == [2, 2]
    with pytest.raises(InputError, match=r"outside of 0 to 1"):
        edges.update([1.1], [1])


# Numbers

NUMBERS = {
    "random": (numpy.random.default_rng(0).normal(size=300), numpy.random.default_rng(1).normal(size=300)),
    "ties": (scores_of(200, 1, ties=True)[:, 0], scores_of(200, 1, ties=True, seed=1)[:, 0]),
    "far from zero": (1e9 + numpy.arange(50.0) % 7, 1e9 + numpy.arange(50.0) % 5),
    "opposite": (numpy.arange(5.0), -numpy.arange(5.0)),
    "two": (numpy.array([1.0, 2.0]), numpy.array([5.0, 4.0])),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_correlations_against_scipy(name: str) -> None:
    stats = pytest.importorskip("scipy.stats")
    ours, theirs = NUMBERS[name]
    near(one(metrics.Pearson(), ours, theirs), {"pearson": stats.pearsonr(ours, theirs).statistic}, 1e-10)
    near(
        one(metrics.Spearman(), torch.tensor(ours), theirs.tolist()),
        {"spearman": stats.spearmanr(ours, theirs).statistic},
    )
    found = one(metrics.Errors(), ours, theirs)
    near(
        found,
        {
            "mean_absolute_error": abs(ours - theirs).mean(),
            "root_mean_squared_error": math.sqrt(((ours - theirs) ** 2).mean()),
        },
    )


@pytest.mark.parametrize("values", [[0.1] * 30, [1e9 + 0.1] * 3, [7.0], [0.0, 0.0]])
def test_what_does_not_vary_has_no_correlation(values: list[float]) -> None:
    other = [float(place) for place in range(len(values))]
    for pair in ((values, other), (other, values)):
        assert math.isnan(one(metrics.Pearson(), *pair)["pearson"])
        assert math.isnan(one(metrics.Spearman(), *pair)["spearman"])


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), None, "3"])
@pytest.mark.parametrize("kind", [metrics.Pearson, metrics.Spearman, metrics.Errors, metrics.RocAuc])
def test_what_is_no_number_is_refused_with_its_place(kind: Callable[[], Any], bad: Any) -> None:
    with pytest.raises(InputError, match=r"predictions\[1\] is"):
        kind().update([1.0, bad], [1, 0])


# Entities


def tag_rows(scheme: str, count: int, seed: int) -> list[list[str]]:
    source = random.Random(seed)
    prefixes = {"IOB1": "IB", "IOB2": "IB", "BILOU": "BILU", "IOBES": "IBES", "lenient": "IBES"}[scheme]
    tags = ["O", *(f"{prefix}-{kind}" for prefix in prefixes for kind in ("per", "loc-x"))]
    return [source.choices(tags, k=source.randint(1, 9)) for _ in range(count)]


@pytest.mark.filterwarnings("ignore")  # seqeval's, about divisions by zero and types of the package's own
@pytest.mark.parametrize("scheme", ["IOB1", "IOB2", "BILOU", "IOBES", "lenient"])
def test_entities_against_seqeval(scheme: Any) -> None:
    theirs = pytest.importorskip("seqeval.metrics")
    rules = pytest.importorskip("seqeval.scheme")
    references = tag_rows(scheme, 400, seed=0)
    predictions = [
        [
            random.Random(place).choice([a, b])
            for place, (a, b) in enumerate(zip(row, other * 9, strict=False))
        ]
        for row, other in zip(references, tag_rows(scheme, 400, seed=1), strict=True)
    ]
    if scheme == "lenient":
        options: dict[str, Any] = {}
        from seqeval.metrics.sequence_labeling import get_entities

        for row in references:
            assert [(kind, a, b - 1) for kind, a, b in spans(row, scheme="lenient")] == get_entities(row)
    else:
        options = {"mode": "strict", "scheme": getattr(rules, scheme)}
        for row in references:
            expected = [(e.tag, e.start, e.end) for e in rules.Tokens(row, getattr(rules, scheme)).entities]
            assert spans(row, scheme=scheme) == expected, row
    report = theirs.classification_report(references, predictions, output_dict=True, **options)
    metric = metrics.EntityF1(scheme=scheme)
    ours = one(metric, predictions, references)
    expected = {
        **{
            name: report["micro avg"][key]
            for name, key in zip(
                ("precision", "recall", "f1"), ("precision", "recall", "f1-score"), strict=True
            )
        },
        **{
            f"{name}_macro": report["macro avg"][key]
            for name, key in zip(
                ("precision", "recall", "f1"), ("precision", "recall", "f1-score"), strict=True
            )
        },
        "accuracy": theirs.accuracy_score(references, predictions),
    }
    assert expected["f1"] > 0.05
    near(ours, expected)
    for kind, row in metric.per_name().items():
        assert row["f1"] == pytest.approx(report[kind]["f1-score"])
        assert row["support"] == report[kind]["support"]


def test_entities_by_hand() -> None:
    assert spans(["I-x", "I-x", "B-x", "O", "I-x"], scheme="IOB1") == [("x", 0, 2), ("x", 2, 3), ("x", 4, 5)]
    assert spans(["I-x", "B-x", "I-x", "I-y"], scheme="IOB2") == [("x", 1, 3)]
    assert spans(["B-x", "L-x", "U-y", "B-x", "O"], scheme="BILOU") == [("x", 0, 2), ("y", 2, 3)]
    assert spans(["I-x", "I-y", "E-y"], scheme="lenient") == [("x", 0, 1), ("y", 1, 3)]
    assert spans(["B", "I", "O"]) == [("_", 0, 2)]
    with pytest.raises(InputError, match=r"tag 'S-x' is none of the scheme IOB2"):
        spans(["S-x"])
    with pytest.raises(InputError, match=r"Sentence 0 has 1 predicted tags and 2"):
        metrics.EntityF1().update([["O"]], [["O", "O"]])
    with pytest.raises(InputError, match=r"scheme is 'BIO'"):
        metrics.EntityF1(scheme="BIO")  # type: ignore[arg-type]


# Answers


def test_squad_normalisation() -> None:
    assert normalised(" The  A-B, an (answer)!") == "ab answer"
    assert normalised("theatre a\tb") == "theatre b"
    assert normalised("The.") == ""
    assert normalised("“the”") == "“ ”"  # only ASCII punctuation goes


def test_squad_one_and_two_differ_on_empty_answers() -> None:
    assert one(metrics.Squad(), ["the"], [["a"]]) == {"exact": 100.0, "f1": 0.0}
    found = one(metrics.Squad(version=2), ["the"], [["a"]])
    assert found == {"exact": 100.0, "f1": 100.0, "NoAns_exact": 100.0, "NoAns_f1": 100.0}
    assert one(metrics.Squad(), ["blue sky"], [["red", "the blue"]])["f1"] == pytest.approx(100 * 2 / 3)


def test_missing_predictions() -> None:
    with pytest.warns(
        UserWarning, match=r"1 of 2 questions have no prediction and score 0; the first is at place 0"
    ):
        assert one(metrics.Squad(), [None, "x"], [["x"], ["x"]])["exact"] == 50.0
    metric = metrics.Squad(version=2)
    with pytest.warns(UserWarning, match=r"no prediction and are left out"):
        assert one(metric, [None, "x"], [["x"], ["x"]])["exact"] == 100.0
    assert (metric.count, metric.missing) == (1, 1)
    with pytest.raises(InputError, match=r"need version=2"):
        metrics.Squad().update(["x"], [[]])


def plain_squad(
    predictions: list[str], golds: list[list[str]], probabilities: list[float], threshold: float
) -> dict[str, float]:
    """SQuAD 2.0's rules once more, one question at a time and every threshold tried."""

    def words(text: str) -> list[str]:
        kept = "".join(c for c in text.lower() if c not in "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
        return [word for word in kept.split() if word not in ("a", "an", "the")]

    def scores(ours: str, theirs: list[str]) -> tuple[float, float]:
        kept = [gold for gold in theirs if words(gold)] or [""]
        best = [0.0, 0.0]
        for gold in kept:
            a, b = words(ours), words(gold)
            shared = sum(min(a.count(w), b.count(w)) for w in set(a))
            f1 = float(a == b) if not a or not b else 2 * shared / (len(a) + len(b))
            best = [max(best[0], float(a == b)), max(best[1], f1)]
        return best[0], best[1]

    raw = [scores(p, g) for p, g in zip(predictions, golds, strict=True)]
    has = [any(words(g) for g in gold) for gold in golds]

    def means(limit: float) -> list[float]:
        rows = [
            (float(not h),) * 2 if probability > limit else r
            for r, h, probability in zip(raw, has, probabilities, strict=True)
        ]
        return [100 * sum(row[k] for row in rows) / len(rows) for k in (0, 1)]

    def part(answerable: bool, k: int) -> float:
        rows = [
            float(not h) if probability > threshold else r[k]
            for r, h, probability in zip(raw, has, probabilities, strict=True)
            if h == answerable
        ]
        return 100 * sum(rows) / len(rows)

    tried = [means(limit) for limit in [-1.0, *probabilities]]
    return {
        "exact": means(threshold)[0],
        "f1": means(threshold)[1],
        **{
            f"{prefix}_{name}": part(flag, k)
            for prefix, flag in (("HasAns", True), ("NoAns", False))
            for k, name in enumerate(("exact", "f1"))
        },
        "best_exact": max(row[0] for row in tried),
        "best_f1": max(row[1] for row in tried),
    }


@pytest.mark.parametrize("seed", range(5))
def test_squad_two_against_a_plain_scorer(seed: int) -> None:
    source = random.Random(seed)

    def text(most: int) -> str:
        return " ".join(source.choices(WORDS, k=source.randint(0, most)))

    # The sweep goes by whether an answer was given, the score by whether a word of it is left.
    predictions = [found if normalised(found := text(3)) else "" for _ in range(120)]
    golds = [[text(3) for _ in range(source.randint(0, 3))] for _ in predictions]
    probabilities = [source.random() for _ in predictions]
    metric = metrics.Squad(version=2, no_answer_threshold=0.6)
    metric.update(predictions[:50], golds[:50], probabilities[:50])
    metric.update(predictions[50:], golds[50:], probabilities[50:])
    best = metric.best()
    expected = plain_squad(predictions, golds, probabilities, 0.6)
    near({**metric.compute(), **{k: v for k, v in best.items() if "thresh" not in k}}, expected)
    again = metrics.Squad(version=2, no_answer_threshold=best["best_f1_thresh"])
    again.update(predictions, golds, probabilities)
    assert again.compute()["f1"] == pytest.approx(best["best_f1"])


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data is not here")
def test_squad_gives_the_published_score() -> None:
    folder = SHARED / "squad" / "predictions"
    for name, expected in json.loads((folder / "SCORES.json").read_text()).items():
        answers = json.loads((folder / name).read_text())
        metric = metrics.Squad()
        records = list(read(SHARED / "squad" / "dev-v1.1.json.gz"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            metric.update(
                [answers.get(r["id"]) for r in records], [list(gold_answers(r, "x").texts) for r in records]
            )
        found = metric.compute()
        assert (round(found["exact"], 3), round(found["f1"], 3)) == (expected["exact"], expected["f1"])
        assert (metric.count, metric.missing) == (expected["total"], expected["missing"])


def test_gold_answers_in_every_form() -> None:
    for answers in (
        "x",
        ["x"],
        {"text": ["x"], "answer_start": [0]},
        [{"text": "x", "answer_start": 0}],
        numpy.array(["x"]),
    ):
        assert gold_answers({"answers": answers}, "r").texts == ("x",)
    with pytest.raises(InputError, match=r"answers of Record 3 are 7"):
        gold_answers({"answers": 7}, "Record 3")


# Generated text


def texts(count: int, seed: int) -> list[str]:
    source = random.Random(seed)
    return [" ".join(source.choices(WORDS, k=source.randint(0, 12))) for _ in range(count)]


def test_bleu_and_chrf_against_sacrebleu() -> None:
    theirs = pytest.importorskip("sacrebleu")
    predictions, first, second = texts(60, 0), texts(60, 1), texts(60, 2)
    golds = [[a, b] for a, b in zip(first, second, strict=True)]
    near(
        one(metrics.Bleu(), predictions, golds),
        {"bleu": theirs.corpus_bleu(predictions, [first, second]).score},
    )
    near(one(metrics.Bleu(), predictions, first), {"bleu": theirs.corpus_bleu(predictions, [first]).score})
    near(
        one(metrics.ChrF(), predictions, golds),
        {"chrf": theirs.corpus_chrf(predictions, [first, second]).score},
    )
    near(
        one(metrics.ChrF(word_order=2), predictions, first),
        {"chrf": theirs.corpus_chrf(predictions, [first], word_order=2).score},
    )
    odd = ["", "a", "(hi)! ¿Qué tal?", "Über Straße, naïve…", "A  b\tC", "...", "日本語 テスト"]
    for ours, reference in itertools.product(odd, odd):
        for order in (0, 1, 2):
            expected = theirs.corpus_chrf([ours], [[reference]], word_order=order).score
            near(one(metrics.ChrF(word_order=order), [ours], [reference]), {"chrf": expected})
        lower = theirs.CHRF(lowercase=True).corpus_score([ours], [[reference]]).score
        near(one(metrics.ChrF(lowercase=True), [ours], [reference]), {"chrf": lower})
        near(
            one(metrics.Bleu(), [ours], [reference]),
            {"bleu": theirs.corpus_bleu([ours], [[reference]], force=True).score},
        )
    assert one(metrics.Bleu(), [""], ["a b c d"]) == {"bleu": 0.0}
    assert one(metrics.Bleu(), ["a b c d"], ["a b c d"])["bleu"] == pytest.approx(100)


def test_rouge_against_rouge_score() -> None:
    scorer = pytest.importorskip("rouge_score.rouge_scorer")
    predictions, references = texts(40, 3), texts(40, 4)
    names = ["rouge1", "rouge2", "rougeL", "rougeLsum"]
    theirs = scorer.RougeScorer(names, use_stemmer=True)
    scores = [theirs.score(gold, text) for gold, text in zip(references, predictions, strict=True)]
    expected = {name: sum(score[name].fmeasure for score in scores) / len(scores) for name in names}
    near(one(metrics.Rouge(stemmer=True), predictions, references), expected)
    assert one(metrics.Rouge(stemmer=True), ["cats sitting"], ["cat sits"])["rouge1"] == 1
    assert one(metrics.Rouge(), ["cats sitting"], ["cat sits"])["rouge1"] == 0
    with pytest.raises(InputError, match=r"references\[0\] is \[\]"):
        metrics.Rouge().update(["x"], [[]])


def test_perplexity_against_cross_entropy() -> None:
    scores, ids = torch.randn(20, 9, dtype=torch.float64), torch.arange(20) % 9
    losses = torch.nn.functional.cross_entropy(scores, ids, reduction="none")
    ours = one(metrics.Perplexity(), [losses[:7].sum().item(), losses[7:].sum().item(), 0.0], [7, 13, 0])
    near(ours, {"perplexity": math.exp(losses.mean()), "loss": losses.mean().item()})
    assert one(metrics.Perplexity(), [math.inf, 1.0], [3, 1])["perplexity"] == math.inf
    resampled = metrics.Perplexity(resamples=50)
    resampled.update([math.inf, 1.0], [3, 1])
    assert {math.inf, 1.0} <= set(
        resampled.bootstrap_values()["loss"]
    )  # some resamples have the second text alone
    assert one(metrics.Perplexity(), [5000.0], [2])["perplexity"] == math.inf
    assert math.isnan(one(metrics.Perplexity(), [0.0], [0])["perplexity"])
    with pytest.raises(InputError, match=r"expected a sum in nats"):
        metrics.Perplexity().update([float("nan")], [1])


# What holds for all of them

_entities = (tag_rows("IOB2", 90, 5), tag_rows("IOB2", 90, 5))
for _row in _entities[0][::3]:
    _row[0] = "O"
_nine = numpy.random.default_rng(9)
EXAMPLES: dict[str, tuple[Callable[..., Any], Any, Any]] = {
    "classification": (metrics.Classification, _nine.choice(4, 90), _nine.choice(4, 90)),
    "named labels": (
        lambda **o: metrics.Classification(labels=range(4), positive=2, **o),
        _nine.choice(4, 90),
        _nine.choice(4, 90),
    ),
    "auc": (metrics.RocAuc, _nine.random(90), _nine.choice(2, 90)),
    "auc of three": (metrics.RocAuc, _nine.random((90, 3)), _nine.choice(3, 90)),
    "calibration": (metrics.Calibration, _nine.random(90), _nine.choice(2, 90)),
    "pearson": (metrics.Pearson, 1e6 + _nine.random(90), _nine.random(90)),
    "spearman": (metrics.Spearman, _nine.random(90).round(1), _nine.random(90)),
    "errors": (metrics.Errors, _nine.random(90), _nine.random(90)),
    "entities": (metrics.EntityF1, *_entities),
    "squad": (metrics.Squad, texts(90, 6), [[text] for text in texts(90, 7)]),
    "squad two": (
        lambda **o: metrics.Squad(version=2, **o),
        texts(90, 6),
        [[text][: len(text) % 2] for text in texts(90, 7)],
    ),
    "perplexity": (metrics.Perplexity, _nine.random(90) * 30, _nine.choice(20, 90)),
    "bleu": (metrics.Bleu, texts(90, 6), texts(90, 7)),
    "chrf": (metrics.ChrF, texts(90, 6), texts(90, 7)),
    "rouge": (metrics.Rouge, texts(90, 6), texts(90, 7)),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_pieces_equal_all_at_once(name: str) -> None:
    kind, predictions, references = EXAMPLES[name]
    whole = kind(resamples=40, seed=3)
    whole.update(predictions, references)
    cuts = [0, 1, 1, 17, 64, 90]
    pieces = kind(resamples=40, seed=3)
    for start, end in itertools.pairwise(cuts):
        pieces.update(predictions[start:end], references[start:end])
        if end:
            pieces.compute()  # asking in between changes nothing
    assert pieces.count == whole.count == 90
    near(pieces.compute(), whole.compute(), 1e-9)
    for value, bounds in whole.confidence_intervals().items():
        assert pieces.confidence_intervals()[value] == pytest.approx(bounds, rel=1e-9, abs=1e-9)
        low, high = bounds
        assert low <= high
    assert whole.compute().keys() == whole.confidence_intervals().keys()
    other = kind(resamples=40, seed=4)
    other.update(predictions, references)
    assert other.confidence_intervals() != whole.confidence_intervals()
    assert other.compute() == whole.compute()


@pytest.mark.parametrize("name", EXAMPLES)
def test_nothing_and_unequal_numbers(name: str) -> None:
    kind, predictions, references = EXAMPLES[name]
    metric = kind()
    metric.update([], [])
    with pytest.raises(InputError, match=r"has seen no example"):
        metric.compute()
    with pytest.raises(InputError, match=r"There are 2 predictions and 1 references"):
        metric.update(predictions[:2], references[:1])
    with pytest.raises(InputError, match=r"expected a list, array or tensor"):
        metric.update("text", references)
    metric.update(predictions, references)
    with pytest.raises(InputError, match=r"resamples=1000"):
        metric.confidence_intervals()


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_resample_is_the_metric_of_the_resample(name: str) -> None:
    """An example that counts three times is the same as that example given three times."""
    kind, predictions, references = EXAMPLES[name]
    metric = kind(resamples=3, seed=8)
    metric.update(predictions, references)
    weights = numpy.concatenate([w for _, w in Weights(resamples=3, seed=8).pieces(90)])
    for column in range(1, 4):
        repeated = kind()
        places = numpy.repeat(numpy.arange(90), weights[:, column].astype(int))
        repeated.update([predictions[place] for place in places], [references[place] for place in places])
        for value, expected in repeated.compute().items():
            assert metric.bootstrap_values()[value][column] == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_intervals_are_those_of_the_bootstrap() -> None:
    stats = pytest.importorskip("scipy.stats")
    columns = numpy.concatenate(list(weight_columns(2000, resamples=200, seed=0)), axis=1)
    pieces = numpy.concatenate([w for _, w in Weights(resamples=200, seed=0).pieces(2000)])
    assert (columns == pieces).all()
    weights = columns[:, 1:]
    assert (weights.mean(), weights.var()) == pytest.approx((1, 1), abs=0.01)
    right = numpy.random.default_rng(0).random(400) < 0.8
    metric = metrics.Accuracy(resamples=4000)
    metric.update(right.tolist(), [True] * 400)
    low, high = metric.confidence_intervals()["accuracy"]
    theirs = stats.bootstrap((right.astype(float),), numpy.mean, n_resamples=4000, method="percentile", rng=1)
    assert (low, high) == pytest.approx(theirs.confidence_interval, abs=0.004)
    narrow = metric.confidence_intervals(level=0.5)["accuracy"]
    assert low < narrow[0] < narrow[1] < high
    with pytest.raises(InputError, match=r"level is 95"):
        metric.confidence_intervals(level=95)


@pytest.mark.parametrize(
    "kind",
    [
        "classification",
        "calibration",
        "pearson",
        "errors",
        "entities",
        "squad",
        "perplexity",
        "rouge",
        "bleu",
    ],
)
def test_memory_does_not_grow(kind: str) -> None:
    make, predictions, references = EXAMPLES[kind]
    metric = make(resamples=20)
    metric.update(predictions, references)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(20):
        metric.update(predictions, references)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 20_000, grown


@pytest.mark.parametrize("kind", ["auc", "spearman"])
def test_resamples_of_ranks_are_not_held_together(kind: str) -> None:
    """The docstrings say how much an example takes; 1,000 resamples do not add a byte each."""
    make, _, _ = EXAMPLES[kind]
    count, random_state = 4000, numpy.random.default_rng(0)
    metric = make(resamples=1000)
    metric.update(random_state.random(count), random_state.integers(0, 2, count))
    tracemalloc.start()
    metric.confidence_intervals()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 400 * count, peak / count


@pytest.mark.parametrize("name", EXAMPLES)
def test_reset_is_a_new_metric(name: str) -> None:
    kind, predictions, references = EXAMPLES[name]
    metric, new = kind(resamples=10, seed=2), kind(resamples=10, seed=2)
    metric.update(predictions[:40], references[:40])
    metric.compute()
    metric.reset()
    assert metric.count == 0
    for one_of_both in (metric, new):
        one_of_both.update(predictions[40:], references[40:])
    near(metric.compute(), new.compute())
    assert metric.confidence_intervals() == new.confidence_intervals()


def test_labels_that_are_none() -> None:
    for bad in (float("nan"), None, [0.1, 0.9]):
        with pytest.raises(InputError, match=r"predictions\[0\] is"):
            metrics.Accuracy().update([bad], [1])
        with pytest.raises(InputError, match=r"references\[0\] is"):
            metrics.ConfusionMatrix().update([1], [bad])


@pytest.mark.parametrize(
    ("kind", "module"),
    [
        ("spearman", "scipy.stats"),
        ("bleu", "sacrebleu.metrics"),
        ("rouge", "rouge_score.rouge_scorer"),
    ],
)
def test_a_missing_package_is_named_with_its_extra(
    kind: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    make, predictions, references = EXAMPLES[kind]
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingPackage, match=rf"'{module.partition('.')[0]}'.*hubformer\[evaluation\]"):
        one(make(), predictions, references)
