"""Data in: records from files, lists, datasets; columns by name; labels by name or number."""

from hubformer.data.columns import Columns
from hubformer.data.documents import documents, files_of
from hubformer.data.labels import Labels
from hubformer.data.records import FORMATS, Format, Record, RecordDataset, read
from hubformer.data.sentences import sentence_spans, sentences
from hubformer.errors import MissingPackage

__all__ = [
    "FORMATS",
    "Columns",
    "Format",
    "Labels",
    "MissingPackage",
    "Record",
    "RecordDataset",
    "documents",
    "files_of",
    "read",
    "sentence_spans",
    "sentences",
]
