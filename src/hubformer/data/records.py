"""Records: whatever holds examples, read one by one as dicts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from hubformer.data.columnar import parquet_file
from hubformer.data.columns import Columns, renamed
from hubformer.data.conll import conll_file
from hubformer.data.delimited import comma_separated, quoted_tab_separated, tab_separated
from hubformer.data.files import ending, existing, lines
from hubformer.data.json_files import json_file, json_lines
from hubformer.data.squad import squad_file
from hubformer.errors import InputError, suggestion

Record = dict[str, Any]


def text_lines(path: Path) -> Iterator[Record]:
    """Each line as `{"text": line}`; empty ones too, since they may separate documents."""
    return ({"text": line} for line in lines(path))


@dataclass(frozen=True)
class Format:
    """A kind of file: how it is read, and where its columns are known, what they hold."""

    read: Callable[..., Iterator[Record]]
    columns: Mapping[str, str] = field(default_factory=dict)
    takes_names: bool = False


_STS = ("genre", "filename", "year", "index", "score", "sentence1", "sentence2", "source1", "source2")
_SENTENCES = {"text": "sentence1", "text_pair": "sentence2"}
FORMATS: dict[str, Format] = {
    "csv": Format(comma_separated, takes_names=True),
    "tsv": Format(tab_separated, takes_names=True),
    "quoted-tsv": Format(quoted_tab_separated, takes_names=True),
    "json": Format(json_file),
    "jsonl": Format(json_lines),
    "parquet": Format(parquet_file),
    "lines": Format(text_lines),
    "conll": Format(conll_file),
    "squad": Format(squad_file),
    # GLUE's files (Wang et al. 2018, arXiv:1804.07461), and the benchmark that its STS-B was made from.
    "sst2": Format(tab_separated, {"text": "sentence"}),
    "mrpc": Format(tab_separated, {"text": "#1 String", "text_pair": "#2 String", "label": "Quality"}),
    "rte": Format(tab_separated, _SENTENCES),
    "stsb": Format(tab_separated, {**_SENTENCES, "label": "score"}),
    "sts-original": Format(partial(tab_separated, names=_STS, may_lack=2), {**_SENTENCES, "label": "score"}),
}
ENDINGS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".txt": "lines",
    ".conll": "conll",
}


class RecordDataset:
    """Examples as dicts, read anew each time it is gone through, one at a time.

    What was given as a one-time iterator can be gone through once; a second time is an error, never empty.
    `count` is the number of records where it is known without reading them, `read_as` the names of the data
    for those that are wanted, once a record is read.
    """

    def __init__(
        self,
        source: Callable[[], Iterator[Any]],
        *,
        name: str,
        columns: Columns,
        count: int | None = None,
        once: bool = False,
        label_names: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._source, self._columns = source, columns
        self._left = 1 if once else None  # how often it can still be gone through
        self.name, self.count = name, count
        self.read_as: dict[str, str] = {}  # wanted names to the data's, of the first record once it is read
        self.label_names = dict(label_names or {})  # of `datasets` columns that hold numbers of named labels

    @property
    def reiterable(self) -> bool:
        """Whether it can be gone through more than once."""
        return self._left is None

    def __iter__(self) -> Iterator[Record]:
        if self._left is not None:
            if not self._left:
                raise InputError(
                    f"{self.name} was an iterator and has been gone through. Pass a list, or something that "
                    "starts again each time."
                )
            self._left -= 1
        return self._mapped()

    def _mapped(self) -> Iterator[Record]:
        seen: dict[tuple[str, ...], dict[str, str]] = {}
        for place, record in enumerate(self._source()):
            if not isinstance(record, Mapping):
                raise InputError(
                    f"Record {place} of {self.name} is {type(record).__name__}, expected a dict such as "
                    '{"text": ..., "label": ...}. If it is a row of values, pass names= for its columns.'
                )
            names = tuple(record)
            if names not in seen:
                seen[names] = self._columns.found(names, f"Record {place} of {self.name}")
                self.read_as = self.read_as or seen[names]
            yield renamed(record, seen[names])


def read(
    source: Any,
    *,
    columns: Mapping[str, str] | None = None,
    required_columns: Sequence[str] = (),
    column_aliases: Mapping[str, Sequence[str]] | None = None,
    format: str | None = None,
    names: Sequence[str] | None = None,
) -> RecordDataset:
    """The records of a file's path, a list or any iterable of dicts, a torch Dataset, or a `datasets` object.

    columns: names that are wanted to the data's names, `{"text": "sentence"}`. required_columns: names that
    every record must have. column_aliases: names that a wanted column goes by elsewhere. format: one of
    FORMATS, where the file's ending does not say (`.gz` is read through). names: of the columns, for files
    without a header and rows that are no dicts.

    Raises:
        InputError: no such file, an unknown format, absent columns, or a broken file. What only shows while
            reading is raised there, with its place.
        MissingPackage: Parquet without pyarrow.
    """
    wanted = Columns(dict(columns or {}), tuple(required_columns), dict(column_aliases or {}))
    if isinstance(source, (str, os.PathLike)):
        return _of_file(existing(os.fspath(source)), wanted, format, names)
    if format is not None:
        raise InputError(f"format={format!r} is for files, but the data is {type(source).__name__}.")
    return _of_object(source, wanted, names)


def _of_file(path: Path, wanted: Columns, format: str | None, names: Sequence[str] | None) -> RecordDataset:
    if format is not None and format not in FORMATS:
        raise InputError(
            f"format is {format!r}.{suggestion(format, FORMATS)} Expected one of {', '.join(FORMATS)}."
        )
    format = format or ENDINGS.get(ending(path))
    if format is None:
        raise InputError(
            f"{path.name} does not end in one of {', '.join(ENDINGS)} (with or without .gz). Pass format=, "
            f"one of {', '.join(FORMATS)}."
        )
    kind = FORMATS[format]
    reader: Callable[..., Iterator[Record]] = kind.read
    if names is not None:
        if not kind.takes_names:
            raise InputError(f"names= is for files without a header, but {format} files name their columns.")
        reader = partial(reader, names=tuple(names))
    if kind.columns:
        wanted = Columns({**kind.columns, **wanted.given}, wanted.required_columns, wanted.column_aliases)
    return RecordDataset(partial(reader, path), name=str(path), columns=wanted)


def _of_object(source: Any, wanted: Columns, names: Sequence[str] | None) -> RecordDataset:
    kind = type(source).__name__
    if isinstance(source, Mapping):
        found = ", ".join(map(repr, source))
        raise InputError(
            f"The data is a {kind} with {found}; expected records. Of a dict of splits pass one, of a dict "
            "of columns a list with a dict for each row."
        )
    if hasattr(source, "itertuples") and hasattr(source, "to_dict"):  # a pandas DataFrame
        origin: Callable[[], Iterator[Any]] = partial(_rows_of_frame, source)
    elif isinstance(source, Iterable):
        origin = partial(iter, source)
    elif hasattr(source, "__getitem__") and hasattr(source, "__len__"):
        origin = partial(_indexed, source)
    else:
        raise InputError(
            f"The data is {kind}; expected the path of a file, a list or iterable of dicts, a torch Dataset "
            "or a `datasets` object."
        )
    return RecordDataset(
        origin if names is None else partial(_named, origin, tuple(names)),
        name=source.name if isinstance(source, RecordDataset) else f"the {kind}",
        columns=wanted,
        count=source.count if isinstance(source, RecordDataset) else _count(source),
        once=isinstance(source, Iterator) or (isinstance(source, RecordDataset) and not source.reiterable),
        label_names=_label_names(source, wanted),
    )


def _count(source: Any) -> int | None:
    try:
        return len(source)
    except (TypeError, NotImplementedError):  # a stream's length may be defined and not known
        return None


def _rows_of_frame(source: Any) -> Iterator[Any]:
    return (dict(zip(source.columns, row, strict=True)) for row in source.itertuples(index=False, name=None))


def _indexed(source: Any) -> Iterator[Any]:
    return (source[place] for place in range(len(source)))


def _named(origin: Callable[[], Iterator[Any]], names: Sequence[str]) -> Iterator[Record]:
    for place, row in enumerate(origin()):
        values = [row] if isinstance(row, str) else list(row)
        if len(values) != len(names):
            raise InputError(
                f"Record {place} has {len(values)} values, expected {len(names)}: {', '.join(names)}."
            )
        yield dict(zip(names, values, strict=True))


def _label_names(source: Any, wanted: Columns) -> dict[str, Sequence[str]]:
    """Names of numbered labels, by wanted column, where a `datasets` object tells them."""
    features = getattr(source, "features", None)
    if not isinstance(features, Mapping):
        return {}
    ours = {theirs: name for name, theirs in wanted.found(tuple(features), "The data").items()}
    found: dict[str, Sequence[str]] = {}
    for name, feature in features.items():
        inner = getattr(feature, "feature", feature)  # a list of labels, one for each token
        if isinstance(of := getattr(inner, "names", None), list):
            found[ours.get(str(name), str(name))] = of
    return found
