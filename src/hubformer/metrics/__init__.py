"""Metrics over examples that come in pieces: `update(predictions, references)`, then `compute()`,
`confidence_intervals()`.

    from hubformer.metrics import Classification

    metric = Classification(labels=["NEGATIVE", "POSITIVE"], resamples=1000)
    metric.update(["POSITIVE", "NEGATIVE"], ["POSITIVE", "POSITIVE"])
    metric.compute()["accuracy"]  # 0.5

See `hubformer.metrics.metric.Metric` for what all of them share.
"""

from hubformer.metrics.answers import Squad
from hubformer.metrics.classification import (
    F1,
    Accuracy,
    Calibration,
    Classification,
    ConfusionMatrix,
    Matthews,
    RocAuc,
)
from hubformer.metrics.entities import EntityF1
from hubformer.metrics.generated import Bleu, ChrF, Perplexity, Rouge
from hubformer.metrics.metric import Metric
from hubformer.metrics.regression import Errors, Pearson, Spearman

__all__ = [
    "F1",
    "Accuracy",
    "Bleu",
    "Calibration",
    "ChrF",
    "Classification",
    "ConfusionMatrix",
    "EntityF1",
    "Errors",
    "Matthews",
    "Metric",
    "Pearson",
    "Perplexity",
    "RocAuc",
    "Rouge",
    "Spearman",
    "Squad",
]
