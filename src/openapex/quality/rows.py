"""Rules that need no more than the row itself: what no bar can be, on no day."""

from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from openapex.bars import BoolArray, Field
from openapex.sessions import SessionArray, known_span, sessions_between

ROUNDING = 1e-5
"""Relative slack between close and high: prices stored as 32-bit floats or adjusted and rounded differ by 1e-7 to
1e-6; the smallest true fault in 4.4 million real rows is 1e-3."""

PRICES: tuple[Field, ...] = ("open", "high", "low", "close")


ORDER = (
    "not_finite",
    "missing_price",
    "non_positive",
    "bad_high_low",
    "future_session",
    "not_a_session",
    "duplicate_session",
)


def refused(frame: pl.DataFrame, calendar: str | None, today: date) -> pl.Series:
    """Return the rule that refuses each row, null for a good one; rows in order of (symbol, session)."""
    prices = np.array([frame[name].to_numpy() for name in PRICES])
    opening, high, low, close = prices
    symbol = frame["symbol"].rle_id().to_numpy()
    days = frame["session"].to_numpy().astype("datetime64[D]")
    complete: BoolArray = np.isfinite(prices).all(axis=0)
    with np.errstate(invalid="ignore"):  # NaN and infinity compare as false, and have rules of their own
        outside = (np.fmax(opening, close) > high * (1 + ROUNDING)) | (np.fmin(opening, close) < low * (1 - ROUNDING))
        broken = {
            "not_finite": np.isinf(prices).any(axis=0),
            "missing_price": np.isnan(close) | (~complete & _once(complete, symbol)),
            "non_positive": (prices <= 0).any(axis=0),
            "bad_high_low": (high < low * (1 - ROUNDING)) | outside,
            "future_session": days > np.datetime64(today),
            "not_a_session": closed_days(days, calendar),
        }
    good = np.flatnonzero(~np.any(list(broken.values()), axis=0))
    again = np.zeros(len(days), dtype=bool)
    again[good[:-1]] = (days[good[1:]] == days[good[:-1]]) & (symbol[good[1:]] == symbol[good[:-1]])
    broken["duplicate_session"] = again
    if len(good) == len(days) and not again.any():
        return pl.Series("rule", [None], dtype=pl.String).new_from_index(0, len(days))
    at = np.select([broken[rule] for rule in ORDER], range(len(ORDER)), default=len(ORDER))
    return pl.Series("rule", [*ORDER, None], dtype=pl.String).gather(at)


def _once(complete: BoolArray, symbol: npt.NDArray[np.uint32]) -> BoolArray:
    """Return True from each symbol's first complete bar on: from then on, every bar must be."""
    seen = np.cumsum(complete)
    firsts = np.flatnonzero(np.diff(symbol, prepend=symbol[:1] - np.uint32(1)))
    starts = np.repeat(firsts, np.diff(firsts, append=len(symbol)))
    before: BoolArray = seen > np.concatenate([[0], seen])[starts]
    return before


def closed_days(days: SessionArray, calendar: str | None) -> BoolArray:
    """Return True where the calendar knows that the exchange was closed; outside its known span nothing is claimed."""
    if calendar is None:
        return np.zeros(len(days), dtype=bool)
    first, last = known_span(calendar)
    held = sessions_between(first, last, calendar)
    is_known = (days >= np.datetime64(first)) & (days <= np.datetime64(last))
    closed: BoolArray = is_known & (held[np.minimum(np.searchsorted(held, days), len(held) - 1)] != days)
    return closed


def row_message(rule: str, row: dict[str, object]) -> str:
    """Return the sentence for a refused row, with its numbers."""
    day = row["session"]
    shown = ", ".join(f"{name} {_shown(row[name])}" for name in PRICES)
    sentences = {
        "not_finite": f"{day} has an infinite price ({shown})",
        "missing_price": f"{day} lacks a price ({shown})",
        "non_positive": f"{day} has a price that is not above 0 ({shown})",
        "bad_high_low": f"{day} has open or close outside high and low ({shown})",
        "future_session": f"{day} lies in the future",
        "not_a_session": f"{day} is no session: the exchange was closed",
        "duplicate_session": f"{day} stands twice; the last row is used, not this one (close {_shown(row['close'])})",
    }
    return sentences[rule]


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else "missing"
