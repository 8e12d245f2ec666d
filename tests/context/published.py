"""Made macro tables for the tests: what was published, and when."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from openapex.context.macro import Macro

KINDS = {"series": pl.String, "reference_date": pl.Date, "known_at": pl.Date, "value": pl.Float64}


def weekdays(start: str, n: int) -> np.ndarray:
    """Return `n` weekdays from `start` on."""
    return np.busday_offset(np.datetime64(start, "D"), np.arange(n), roll="forward")


def months(start: str, n: int) -> np.ndarray:
    """Return the first days of `n` months."""
    return (np.datetime64(start, "M") + np.arange(n)).astype("datetime64[D]")


def published(
    series: str, references: Sequence[date] | np.ndarray, values: Sequence[float | None], lag_days: int = 1
) -> pl.DataFrame:
    """Return rows of one series, each known `lag_days` after its reference date."""
    days = np.asarray(references, dtype="datetime64[D]")
    return pl.DataFrame(
        {"series": [series] * len(days), "reference_date": days, "known_at": days + lag_days, "value": list(values)},
        schema=KINDS,
    )


def macro_of(*frames: pl.DataFrame) -> Macro:
    return Macro(pl.concat(frames))


def random_rows(series: str, references: np.ndarray, values: np.ndarray, rng: np.random.Generator) -> pl.DataFrame:
    """Return publications as they come: late ones, gaps, nulls and revisions of earlier values."""
    frame = published(series, references, np.round(values, 2))
    n = frame.height
    late = pl.Series(rng.choice([0, 0, 0, 0, 1, 3], n))
    frame = frame.with_columns(
        known_at=pl.col("known_at") + pl.duration(days=1) * late,
        value=pl.when(pl.Series(rng.random(n) < 0.03)).then(None).otherwise(pl.col("value")),
    )
    revised = frame.filter(pl.Series(rng.random(n) < 0.05))
    revised = revised.with_columns(
        known_at=pl.col("known_at") + pl.duration(days=1) * pl.Series(rng.integers(0, 40, revised.height)),
        value=pl.col("value") + 0.25,
    )
    return pl.concat([frame.filter(pl.Series(rng.random(n) > 0.02)), revised])
