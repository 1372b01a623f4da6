"""Parquet files, through pyarrow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hubformer.errors import InputError
from hubformer.optional import optional

_ROWS = 1024  # read at a time


def parquet_file(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file, a batch in memory at a time.

    Raises:
        MissingPackage: pyarrow is not installed. InputError: not a Parquet file.
    """
    parquet = optional("pyarrow.parquet", extra="data", purpose=f"Reading {path.name}")
    arrow = optional("pyarrow", extra="data", purpose=f"Reading {path.name}")
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_ROWS):
                yield from batch.to_pylist()
    except arrow.ArrowInvalid as error:
        raise InputError(f"{path} is not a Parquet file: {error}") from None
