"""Yahoo's daily chart as bars as they were traded, and actions as they were paid.

Yahoo adjusts prices, volumes and dividends for every split up to the moment of the answer.  The answer always runs
until now, so it holds every later split and all of it can be undone.  Numbers come in single precision: after undoing,
each price is the shortest decimal within that precision, so a bar is the same whichever split came after it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import polars as pl

from openapex.bars import BAR_SCHEMA, BoolArray, FloatArray
from openapex.errors import BadPayload
from openapex.sources.source import ACTION_SCHEMA

PRICES = ("open", "high", "low", "close")
SINGLE_PRECISION = 2.0**-23
CASH_ROUNDING = 0.51e-6  # Yahoo rounds split-adjusted cash to six decimals: 0.82 before a 7:1 split is 0.117143
MOST_DECIMALS = 8
LIVE_ROW_SLACK_S = 15 * 60


@dataclass(frozen=True, slots=True)
class Chart:
    """One answer of Yahoo's chart, by session, still split-adjusted.

    Parameters
    ----------
    symbol, currency, kind : str
        As Yahoo names them; kind is ``EQUITY``, ``ETF``, …
    sessions : tuple of date
        Strictly increasing.
    columns : mapping of str to array of float
        open, high, low, close, volume, adjclose; NaN is unknown.
    splits, dividends, gains : mapping of date to float
        By ex-date: ratio; cash per share, split-adjusted.
    regular : tuple of datetime or None
        Start and end of the exchange's current regular trading.
    n_superseded : int
        Rows replaced by a later one of the same session.
    blank : tuple of date
        Sessions whose row has no price at all.
    """

    symbol: str
    currency: str
    kind: str
    sessions: tuple[date, ...]
    columns: Mapping[str, FloatArray]
    splits: Mapping[date, float]
    dividends: Mapping[date, float]
    gains: Mapping[date, float]
    regular: tuple[datetime, datetime] | None
    n_superseded: int
    blank: tuple[date, ...]


def parsed_chart(symbol: str, payload: Mapping[str, Any]) -> Chart:
    """Return the chart of a payload.

    Raises
    ------
    BadPayload
        If it is not the daily chart of the symbol that was asked for, in Yahoo's shape.
    """
    try:
        return _parsed_chart(symbol, payload)
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise BadPayload(
            f"{symbol}: Yahoo's chart has another shape than expected ({type(error).__name__}: {error})"
        ) from error


def _parsed_chart(symbol: str, payload: Mapping[str, Any]) -> Chart:
    results = (payload.get("chart") or {}).get("result")
    if not results:
        raise BadPayload(f"{symbol}: Yahoo's chart result is {results!r}, must be one chart")
    result = results[0]
    meta = result["meta"]
    zone = _zone(symbol, meta)
    _check_meta(symbol, meta)
    stamps = [int(stamp) for stamp in result.get("timestamp") or ()]
    columns = _columns(symbol, result, len(stamps))
    regular = _regular(meta, zone)
    kept, n_superseded, blank = _kept_rows(stamps, columns, zone, meta)
    events = result.get("events") or {}
    return Chart(
        symbol=symbol,
        currency=str(meta.get("currency") or ""),
        kind=str(meta.get("instrumentType") or ""),
        sessions=tuple(kept),
        columns={name: column[list(kept.values())] for name, column in columns.items()},
        splits=_events(events.get("splits"), zone, lambda event: event["numerator"] / event["denominator"], np.prod),
        dividends=_events(events.get("dividends"), zone, lambda event: event["amount"], np.sum),
        gains=_events(events.get("capitalGains"), zone, lambda event: event["amount"], np.sum),
        regular=regular,
        n_superseded=n_superseded,
        blank=blank,
    )


def _zone(symbol: str, meta: Mapping[str, Any]) -> ZoneInfo:
    name = meta["exchangeTimezoneName"]
    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError:
        raise BadPayload(f"{symbol}: Yahoo's exchange time zone is {name!r}, must be a known one") from None


def _check_meta(symbol: str, meta: Mapping[str, Any]) -> None:
    if meta.get("dataGranularity") != "1d":
        raise BadPayload(f"{symbol}: Yahoo's data granularity is {meta.get('dataGranularity')!r}, must be '1d'")
    if str(meta.get("symbol", symbol)).upper() != symbol.upper():
        raise BadPayload(f"{symbol}: Yahoo answered for {meta.get('symbol')!r}, must be the symbol asked for")


def _regular(meta: Mapping[str, Any], zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    span = (meta.get("currentTradingPeriod") or {}).get("regular")
    if not span:
        return None
    return datetime.fromtimestamp(span["start"], zone), datetime.fromtimestamp(span["end"], zone)


def _columns(symbol: str, result: Mapping[str, Any], n_rows: int) -> dict[str, FloatArray]:
    """Return the value columns, each as long as the time column; a missing adjclose column is all unknown."""
    nothing: list[None] = [None] * n_rows
    if not n_rows:
        return {name: np.empty(0) for name in (*PRICES, "volume", "adjclose")}
    quotes = result["indicators"]["quote"][0]
    raw = {name: quotes[name] for name in PRICES} | {"volume": quotes.get("volume") or nothing}
    raw["adjclose"] = ((result["indicators"].get("adjclose") or [{}])[0] or {}).get("adjclose") or nothing
    columns = {name: np.array(values, dtype=np.float64) for name, values in raw.items()}
    for name, column in columns.items():
        if len(column) != n_rows:
            raise BadPayload(f"{symbol}: Yahoo's {name} has {len(column)} rows, must be {n_rows} as in timestamp")
    return columns


def _kept_rows(
    stamps: Sequence[int], columns: Mapping[str, FloatArray], zone: ZoneInfo, meta: Mapping[str, Any]
) -> tuple[dict[date, int], int, tuple[date, ...]]:
    """Return row numbers by session, oldest first; how many rows were superseded; sessions without any price."""
    prices = np.column_stack([columns[name] for name in PRICES])
    is_blank: BoolArray = np.asarray(np.isnan(prices).all(axis=1))
    latest: dict[date, int] = {}
    blank: set[date] = set()
    n_superseded = 0
    for row in sorted(range(len(stamps)), key=lambda row: (stamps[row], row)):
        session = datetime.fromtimestamp(stamps[row], zone).date()
        if is_blank[row]:
            blank.add(session)
        elif not _is_outside_hours(stamps[row], meta, has_bar=session in latest):
            n_superseded += session in latest
            latest[session] = row
    return dict(sorted(latest.items())), n_superseded, tuple(sorted(blank - set(latest)))


def _is_outside_hours(stamp: int, meta: Mapping[str, Any], has_bar: bool) -> bool:
    """Return whether a row is a quote of today's pre- or post-market, not a bar.

    A late row without another of its session is a bar: the price of a mutual fund comes in the evening.
    """
    periods = meta.get("currentTradingPeriod") or {}
    pre, regular, post = (periods.get(name) or {} for name in ("pre", "regular", "post"))
    if not (pre and regular and post):
        return False
    is_before = pre["start"] <= stamp < regular["start"]
    is_after = regular["end"] + LIVE_ROW_SLACK_S < stamp <= post["end"]
    return bool(is_before or (is_after and has_bar))


def _events(events: Mapping[str, Any] | None, zone: ZoneInfo, value: Any, merged: Any) -> dict[date, float]:
    """Return events by ex-date, several of one day merged."""
    days: dict[date, list[float]] = {}
    for event in (events or {}).values():
        days.setdefault(datetime.fromtimestamp(int(event["date"]), zone).date(), []).append(float(value(event)))
    return {day: float(merged(values)) for day, values in sorted(days.items())}


def later_splits(chart: Chart, days: Sequence[date]) -> FloatArray:
    """Return, per day, the product of the split ratios with a later ex-date."""
    when = np.array(days, dtype="datetime64[D]")
    factor = np.ones(len(when))
    for ex_date, ratio in chart.splits.items():
        factor[when < np.datetime64(ex_date, "D")] *= ratio
    return factor


def shortest_decimals(values: FloatArray, within: FloatArray | None = None) -> FloatArray:
    """Return the shortest decimal within a distance of each value, by default single precision.

    Examples
    --------
    >>> shortest_decimals(np.array([213.97999572753906, 4 * 124.80750274658203, 43.96875])).tolist()
    [213.98, 499.23, 43.96875]
    """
    result = values.copy()
    open_rows = np.isfinite(values)
    allowed = SINGLE_PRECISION * np.abs(values) if within is None else within
    for decimals in range(MOST_DECIMALS + 1):
        rounded = np.round(values, decimals)
        fits = open_rows & (np.abs(rounded - values) <= allowed)
        result[fits] = rounded[fits]
        open_rows &= ~fits
    return result


def as_traded_bars(chart: Chart, symbol: str, start: date | None, end: date | None) -> pl.DataFrame:
    """Return the bars from `start` to `end` in `BAR_SCHEMA`: splits undone, `adj_close` null, not yet provisional."""
    factor = later_splits(chart, chart.sessions)
    columns: dict[str, Any] = {name: shortest_decimals(chart.columns[name] * factor) for name in PRICES}
    columns["volume"] = np.round(chart.columns["volume"] / factor)
    frame = pl.DataFrame({"session": chart.sessions, **columns}, schema_overrides={"session": pl.Date})
    frame = frame.filter(_within(start, end)).with_columns(
        pl.lit(symbol).alias("symbol"),
        pl.lit(None, dtype=pl.Float64).alias("adj_close"),
        pl.lit(False).alias("provisional"),
        pl.col(*PRICES, "volume").fill_nan(None),
    )
    return frame.select(pl.col(name).cast(kind) for name, kind in BAR_SCHEMA.items())


def as_paid_actions(
    chart: Chart, symbol: str, dividends: Mapping[date, float], start: date | None, end: date | None
) -> pl.DataFrame:
    """Return the actions from `start` to `end` in `ACTION_SCHEMA`, cash as it was paid (later splits undone)."""
    factor = later_splits(chart, list(dividends))
    paid = shortest_decimals(np.array(list(dividends.values())) * factor, within=CASH_ROUNDING * factor)
    rows = [(symbol, day, "dividend", float(cash)) for day, cash in zip(dividends, paid, strict=True)]
    rows += [(symbol, day, "split", ratio) for day, ratio in chart.splits.items()]
    return pl.DataFrame(rows, schema=ACTION_SCHEMA, orient="row").filter(_within(start, end)).sort("session", "kind")


def _within(start: date | None, end: date | None) -> pl.Expr:
    session = pl.col("session")
    return (session >= start if start else pl.lit(True)) & (session <= end if end else pl.lit(True))
