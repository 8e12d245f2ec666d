"""A clean random market and the room that judges it."""

from datetime import UTC, date, datetime

import numpy as np
import polars as pl

from openapex.bars import BAR_SCHEMA
from openapex.quality import Examined, examined
from openapex.sessions import sessions_between

NOW = datetime(2024, 7, 1, 3, tzinfo=UTC)  # Sunday night in New York; the last session closed on Friday the 28th


def clean(n_bars: int = 300, symbol: str = "X", seed: int = 1) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    days = sessions_between(date(1993, 1, 1), date(2024, 6, 28))[-n_bars:] if n_bars else np.array([], "datetime64[D]")
    close = 100 * np.cumprod(1 + rng.normal(0.0003, 0.012, len(days)))
    before = np.concatenate([[100.0], close[:-1]])[: len(days)]
    opening = before * (1 + rng.normal(0, 0.003, len(days)))
    reach = np.abs(rng.normal(0.002, 0.004, (2, len(days))))
    frame = {
        "symbol": [symbol] * len(days), "session": days, "open": opening,
        "high": np.maximum(opening, close) * (1 + reach[0]), "low": np.minimum(opening, close) * (1 - reach[1]),
        "close": close, "adj_close": close * 0.9, "volume": np.round(1e6 * np.exp(rng.normal(0, 0.3, len(days)))),
        "provisional": [False] * len(days),
    }  # fmt: skip
    return pl.DataFrame(frame, schema=BAR_SCHEMA)


def judged(frame: pl.DataFrame, actions: pl.DataFrame | None = None, **options: object) -> Examined:
    return examined(frame, actions, **{"calendar": "XNYS", "now": NOW} | options)


def changed(frame: pl.DataFrame, row: int, **values: object) -> pl.DataFrame:
    """The frame with other values in one row."""
    at = pl.int_range(pl.len()) == (row % frame.height)
    return frame.with_columns(
        pl.when(at).then(pl.lit(value, dtype=BAR_SCHEMA[name])).otherwise(pl.col(name)).alias(name)
        for name, value in values.items()
    )


def scaled(frame: pl.DataFrame, begin: int, end: int, factor: float) -> pl.DataFrame:
    """The frame with the prices of rows begin..end (exclusive) multiplied."""
    at = pl.int_range(pl.len()).is_between(begin, end - 1)
    prices = ("open", "high", "low", "close", "adj_close")
    return frame.with_columns(pl.when(at).then(pl.col(name) * factor).otherwise(pl.col(name)) for name in prices)


def barred(path) -> pl.DataFrame:
    raw = pl.read_parquet(path).rename({"date": "session"}).with_columns(provisional=pl.lit(False))
    return raw.select(pl.col(name).cast(kind) for name, kind in BAR_SCHEMA.items()).sort("symbol", "session")
