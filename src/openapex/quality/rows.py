"""Rules that need no more than the row itself: what no bar can be, on no day."""

from datetime import date

import numpy as np
import polars as pl

from openapex.sessions import known_span, sessions_between

ROUNDING = 1e-5
"""Relative slack between close and high: prices stored as 32-bit floats or adjusted and rounded differ by 1e-7 to
1e-6; the smallest true fault in 4.4 million real rows is 1e-3."""

PRICES = ("open", "high", "low", "close")


def refused(frame: pl.DataFrame, calendar: str | None, today: date) -> pl.Series:
    """Return the rule that refuses each row, null for a good one; rows in order of (symbol, session)."""
    prices = [pl.col(name) for name in PRICES]
    unknown = [~price.is_finite().fill_null(False) for price in prices]
    complete = ~pl.any_horizontal(unknown)
    has_range = complete.cast(pl.UInt8).cum_max().over("symbol") == 1  # from the first complete bar on, all must be
    body_high, body_low = pl.max_horizontal("open", "close"), pl.min_horizontal("open", "close")
    outside = (pl.col("high") * (1 + ROUNDING) < body_high) | (pl.col("low") * (1 - ROUNDING) > body_low)
    rules = (
        pl.when(pl.any_horizontal(price.is_infinite() for price in prices)).then(pl.lit("not_finite"))
        .when(unknown[3] | (has_range & ~complete)).then(pl.lit("missing_price"))
        .when(pl.any_horizontal(price <= 0 for price in prices)).then(pl.lit("non_positive"))
        .when((pl.col("high") < pl.col("low") * (1 - ROUNDING)) | outside).then(pl.lit("bad_high_low"))
        .when(pl.col("session") > today).then(pl.lit("future_session"))
        .when(closed_days(frame["session"], calendar)).then(pl.lit("not_a_session"))
    )  # fmt: skip
    verdict = frame.select(rules.alias("rule"))["rule"]
    good = pl.DataFrame({"symbol": frame["symbol"], "session": frame["session"], "rule": verdict})
    later = pl.col("session").is_last_distinct().over("symbol", pl.col("rule").is_null())
    again = pl.when(pl.col("rule").is_null() & ~later).then(pl.lit("duplicate_session"))
    return good.select(pl.coalesce("rule", again))["rule"]


def closed_days(sessions: pl.Series, calendar: str | None) -> pl.Series:
    """Return True where the calendar knows that the exchange was closed; outside its known span nothing is claimed."""
    if calendar is None or sessions.is_empty():
        return pl.Series(np.zeros(len(sessions), dtype=bool))
    first, last = known_span(calendar)
    days = sessions.to_numpy().astype("datetime64[D]")
    inside = (days >= np.datetime64(first)) & (days <= np.datetime64(last))
    held = sessions_between(first, last, calendar)
    return pl.Series(inside & (held[np.minimum(np.searchsorted(held, days), len(held) - 1)] != days))


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
