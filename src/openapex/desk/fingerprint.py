"""A hash of all rows that may have mattered, so that equal reports cite equal data."""

import hashlib
from collections.abc import Mapping

import numpy as np
import polars as pl

from openapex.bars import FIELDS, Bars


def fingerprint(bars: Bars, others: Mapping[str, Bars] | None = None, *frames: pl.DataFrame | None) -> str:
    """Return ``sha256:`` and 16 digits of a symbol's bars, its companions' and of further tables, row by row."""
    digest = hashlib.sha256()
    for name, one in {"": bars, **dict(sorted((others or {}).items()))}.items():
        digest.update(name.encode())
        digest.update(one.sessions.astype("datetime64[D]").astype(np.int64).tobytes())
        for field in FIELDS:
            digest.update(np.ascontiguousarray(getattr(one, field), dtype="<f8").tobytes())
    for frame in frames:
        if frame is not None and frame.height:
            _add(digest, frame)
    return f"sha256:{digest.hexdigest()[:16]}"


def _add(digest: "hashlib._Hash", frame: pl.DataFrame) -> None:
    """Add a table column by column, texts as runs; null has a mark of its own."""
    for column in frame.iter_columns():
        digest.update(column.name.encode())
        if column.dtype == pl.String:
            digest.update(repr(column.rle().to_list()).encode())
            continue
        numbers = column.cast(pl.UInt8) if column.dtype == pl.Boolean else column.to_physical()
        if numbers.null_count():
            digest.update(numbers.is_null().to_numpy().tobytes())
            numbers = numbers.fill_null(0)
        digest.update(numbers.to_numpy().tobytes())
