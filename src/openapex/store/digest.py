"""One hash for all content, the same for equal content on every machine."""

import hashlib
from collections.abc import Iterable

import polars as pl


def digest(tables: Iterable[tuple[str, str, pl.DataFrame]]) -> str:
    """Return the SHA-256 of named frames: every column but `fetched_at`, nulls told apart from values."""
    total = hashlib.sha256()
    for kind, source, rows in tables:
        total.update(f"{kind}/{source}/{rows.height}\n".encode())
        for column in rows.drop("fetched_at").get_columns():
            total.update(column.name.encode() + b"\n")
            total.update(column.is_null().to_numpy().tobytes())
            for part in _buffers(column):
                total.update(part)
    return total.hexdigest()


def _buffers(column: pl.Series) -> list[bytes]:
    if column.dtype == pl.String:
        texts = column.fill_null("")
        return [texts.str.len_bytes().to_numpy().tobytes(), "".join(texts.to_list()).encode()]
    if column.dtype == pl.Float64:
        return [column.fill_null(0.0).to_numpy().tobytes()]
    return [column.cast(pl.Int64).fill_null(0).to_numpy().tobytes()]
