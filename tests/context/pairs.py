"""Bars of two symbols for the tests of `context`, built by hand or drawn at random."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from openapex.bars import Bars, SessionArray
from openapex.sessions import sessions_between

NAN = float("nan")


def weekdays(n: int, start: str = "2015-01-05") -> SessionArray:
    """Return `n` days from Monday to Friday, holidays or not."""
    return np.busday_offset(start, np.arange(n), roll="forward").astype("datetime64[D]")


def exchange_days(start: str, end: str) -> SessionArray:
    return sessions_between(date.fromisoformat(start), date.fromisoformat(end))


def bars_of(
    symbol: str, sessions: SessionArray, adj_close: Sequence[float], close: Sequence[float] | None = None
) -> Bars:
    adjusted = pl.Series(np.asarray(adj_close, dtype=np.float64))
    price = adjusted if close is None else pl.Series(np.asarray(close, dtype=np.float64))
    return Bars.from_frame(
        pl.DataFrame(
            {
                "symbol": symbol, "session": sessions, "open": price, "high": price, "low": price, "close": price,
                "adj_close": adjusted, "volume": 100.0, "provisional": False,
            }
        )
    )  # fmt: skip


def walk(symbol: str, sessions: SessionArray, seed: int, scale: float = 1.0, sigma: float = 0.012) -> Bars:
    """Return a random walk that repeats itself for the same seed."""
    steps = np.random.default_rng(seed).normal(0.0002, sigma, len(sessions))
    return bars_of(symbol, sessions, scale * 100.0 * np.exp(np.cumsum(steps)))


def last_days(bars: Bars, n: int) -> list[date]:
    return bars.sessions[-n:].tolist()
