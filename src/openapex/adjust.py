"""Corporate actions applied on read: prices as traded become split-adjusted levels and total-return `adj_close`.

The store keeps what was traded and what was announced; nothing adjusted is ever written, so loading day by day gives
the same content as loading in bulk.  Only actions up to the last held bar are applied: the future cannot matter.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias, get_args

import numpy as np
import polars as pl

from openapex.bars import BAR_SCHEMA, FloatArray, IntArray, SessionArray
from openapex.errors import UnknownName, UnreadableData

Basis: TypeAlias = Literal["as_traded", "split_adjusted"]
"""What a source's OHLCV means: prices as they were traded that day (splits and dividends come as actions and are
applied on read), or prices the provider already adjusted for all splits (and `adj_close` for dividends too)."""

ACTION_SCHEMA = pl.Schema([("symbol", pl.String), ("session", pl.Date), ("kind", pl.String), ("value", pl.Float64)])
"""Corporate actions: kind is ``split`` (value 4.0 = four new shares for one) or ``dividend`` (cash per share as paid
that day, USD, not split-adjusted); session is the ex-date."""

KINDS = ("split", "dividend")


class Adjusted(NamedTuple):
    """Bars in `BAR_SCHEMA`, sorted by (symbol, session), and a sentence for every action that was left out."""

    bars: pl.DataFrame
    warnings: tuple[str, ...]


class _Action(NamedTuple):
    session: np.datetime64
    kind: str
    value: float


def adjusted(bars: pl.DataFrame, actions: pl.DataFrame, basis: Basis) -> Adjusted:
    """Return bars whose levels are split-adjusted and whose `adj_close` is total-return.

    Parameters
    ----------
    bars : DataFrame in `BAR_SCHEMA`
        One or many symbols, as delivered by a source.
    actions : DataFrame in `ACTION_SCHEMA`
        Splits and dividends; those after a symbol's last bar are not looked at.
    basis : {"as_traded", "split_adjusted"}
        ``as_traded``: open, high, low, close are divided and volume multiplied by the splits that follow;
        `adj_close` is computed.  ``split_adjusted``: the bars pass unchanged; a null `adj_close` stays unknown.

    Returns
    -------
    Adjusted
        ``bars`` and ``warnings``.  An action that cannot be true (split not above 0, negative dividend, dividend of at
        least the price before it, unknown kind, not finite) is left out and named in `warnings`.

    Raises
    ------
    UnknownName
        If `basis` is neither of the two.
    UnreadableData
        If a column is missing, or symbol or session is null.

    Notes
    -----
    Per ex-date the factor is ``1 - D / P``: D is the cash per share held before the ex-date (a dividend that follows a
    split on the same day is multiplied by it), P the last known close before it, as traded.  `adj_close` equals `close`
    on the last bar.  Bars normalise to their last row, so cutting later rows moves levels and never returns.

    References
    ----------
    CRSP, *Data Descriptions Guide*: cumulative factors to adjust price.  Yahoo Help, *What is the adjusted close?*

    Examples
    --------
    >>> from datetime import date
    >>> days = [date(2003, 2, 14), date(2003, 2, 18), date(2003, 2, 19)]
    >>> bars = pl.DataFrame({"symbol": "MSFT", "session": days, "close": [48.30, 24.96, 24.53]})
    >>> unknown = {name: pl.lit(None, kind) for name, kind in BAR_SCHEMA.items() if name not in bars}
    >>> bars = bars.with_columns(**unknown)
    >>> kinds = {"symbol": "MSFT", "session": days[1:], "kind": ["split", "dividend"], "value": [2.0, 0.08]}
    >>> adjusted(bars, pl.DataFrame(kinds), "as_traded").bars["adj_close"].round(2).to_list()
    [24.07, 24.88, 24.53]
    """
    if basis not in get_args(Basis):
        raise UnknownName("basis", basis, get_args(Basis))
    frame = _sorted(bars)
    if basis == "split_adjusted" or frame.is_empty():
        return Adjusted(frame, ())
    splits, payouts, warnings = np.ones(frame.height), np.ones(frame.height), list[str]()
    close = frame["close"].to_numpy()
    sessions = frame["session"].to_numpy()
    by_symbol = _actions(actions, warnings)
    for symbol, rows in _spans(frame["symbol"]):
        if symbol in by_symbol:
            known = _known(symbol, by_symbol[symbol], sessions[rows], warnings)
            splits[rows], payouts[rows] = _factors(symbol, sessions[rows], close[rows], known, warnings)
    split = pl.Series(splits)
    columns = [(pl.col(name) / split).alias(name) for name in ("open", "high", "low", "close")]
    total_return = (pl.col("close") / split * pl.Series(payouts)).alias("adj_close")
    return Adjusted(frame.with_columns(*columns, total_return, pl.col("volume") * split), tuple(warnings))


def _sorted(bars: pl.DataFrame) -> pl.DataFrame:
    missing = [name for name in BAR_SCHEMA if name not in bars.columns]
    if missing:
        raise UnreadableData(f"bars frame has columns {bars.columns}, must also have {missing}")
    if bars["session"].null_count() or bars["symbol"].null_count():
        raise UnreadableData("symbol or session is null in some rows, must be known in every row")
    return bars.select(pl.col(name).cast(kind) for name, kind in BAR_SCHEMA.items()).sort(
        "symbol", "session", maintain_order=True
    )


def _spans(symbols: pl.Series) -> Iterator[tuple[str, slice]]:
    """Yield each symbol with its rows; `symbols` is sorted."""
    start = 0
    for run in symbols.rle().to_list():
        yield run["value"], slice(start, start := start + run["len"])


def _actions(actions: pl.DataFrame, warnings: list[str]) -> dict[str, list[_Action]]:
    """Return the actions of each symbol in order of their ex-dates; splits of a day before its dividends."""
    missing = [name for name in ACTION_SCHEMA if name not in actions.columns]
    if missing:
        raise UnreadableData(f"actions frame has columns {actions.columns}, must also have {missing}")
    named = actions.select(pl.col(name).cast(kind) for name, kind in ACTION_SCHEMA.items())
    usable = named.drop_nulls(["symbol", "session"])
    if usable.height < named.height:
        warnings.append(f"{named.height - usable.height} actions without symbol or session were left out")
    ordered = usable.sort("symbol", "session", pl.col("kind") != "split", "kind", "value")
    found: dict[str, list[_Action]] = defaultdict(list)
    for symbol, session, kind, value in ordered.iter_rows():
        found[symbol].append(_Action(np.datetime64(session, "D"), kind, float("nan") if value is None else value))
    return found


def _known(symbol: str, actions: Sequence[_Action], sessions: SessionArray, warnings: list[str]) -> list[_Action]:
    """Return the actions that touch a held bar (after the first, up to the last) and can be true."""
    kept = []
    for action in actions:
        if not sessions[0] < action.session <= sessions[-1]:
            continue
        fault = _fault(action)
        if fault:
            warnings.append(f"{symbol} {action.session}: {fault}; left out")
        else:
            kept.append(action)
    return kept


def _fault(action: _Action) -> str | None:
    if action.kind not in KINDS:
        return f"action is {action.kind!r}, must be one of {', '.join(KINDS)}"
    rule = "above 0" if action.kind == "split" else "at least 0"
    is_true = action.value > 0 if action.kind == "split" else action.value >= 0
    return None if is_true and np.isfinite(action.value) else f"{action.kind} is {action.value}, must be {rule}"


def _factors(
    symbol: str, sessions: SessionArray, close: FloatArray, actions: Sequence[_Action], warnings: list[str]
) -> tuple[FloatArray, FloatArray]:
    """Return what each row's price is divided by (later splits) and then multiplied by (later dividends)."""
    n = len(sessions)
    rows = np.searchsorted(sessions, np.array([action.session for action in actions], dtype="datetime64[D]"))
    at, cash = np.ones(n), np.zeros(n)
    for row, action in zip(rows.tolist(), actions, strict=True):
        if action.kind == "split":
            at[row] *= action.value
        else:  # per share held before the ex-date: a split that came first between the same two bars counts
            cash[row] += action.value * at[row]
    splits = _of_later_rows(at)
    before = _last_known(close)
    payouts = np.ones(n)
    for row in np.flatnonzero(cash).tolist():
        origin = int(before[row - 1])
        price = close[origin] * splits[row - 1] / splits[origin] if origin >= 0 else float("nan")
        if cash[row] < price:
            payouts[row] = 1.0 - cash[row] / price
        else:
            warnings.append(
                f"{symbol} {sessions[row]}: dividend is {cash[row]:g}, must be below the close before it ({price:g}); "
                "left out"
            )
    return splits, _of_later_rows(payouts)


def _of_later_rows(factor: FloatArray) -> FloatArray:
    """Return for each row the product of `factor` over all later rows."""
    product = np.ones(len(factor))
    product[:-1] = np.cumprod(factor[:0:-1])[::-1]
    return product


def _last_known(close: FloatArray) -> IntArray:
    """Return for each row the latest row up to it with a usable close, -1 where there is none."""
    usable = np.isfinite(close) & (close > 0)
    return np.maximum.accumulate(np.where(usable, np.arange(len(close)), -1))
