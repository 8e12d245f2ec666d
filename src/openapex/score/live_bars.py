"""What may be given to `Live` as new bars, made `Bars`."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from typing import Any, TypeAlias

import numpy as np
import polars as pl

from openapex.bars import BAR_SCHEMA, Bars, FloatArray
from openapex.errors import BadInput, UnreadableData

NewBars: TypeAlias = Bars | pl.DataFrame | Mapping[str, Sequence[Any]]
"""Bars, a frame of them, or per symbol one bar in the order of `ORDER`."""

ORDER = ("session", "open", "high", "low", "close", "volume")
"""How a single bar is written."""

_NEEDED = ("symbol", "session", "high", "low", "close", "volume")


def bars_of(new: NewBars) -> Bars:
    """Return new bars as `Bars`, at least one bar a symbol.

    Raises
    ------
    BadInput
        If a bar cannot be understood, or a (symbol, session) stands twice.

    Examples
    --------
    >>> bars_of({"SPY": ("2024-01-03", 1.0, 2.0, 0.5, 1.5, None)}).volume
    array([nan])
    """
    if isinstance(new, Bars):
        return _checked(new)
    if isinstance(new, pl.DataFrame):
        return _checked(_from_frame(new))
    if isinstance(new, Mapping):
        return _from_mapping(new)
    raise BadInput(f"new bars are a {type(new).__name__}, must be Bars, a Polars frame or {{symbol: {ORDER}}}")


def _checked(bars: Bars) -> Bars:
    """Return the bars without symbols that have none; refuse a session that is not known."""
    if np.isnat(bars.sessions).any():
        raise BadInput("session is NaT in some rows, must be known in every row")
    held = np.diff(bars.offsets) > 0
    if held.all():
        return bars
    symbols = tuple(name for name, has_bars in zip(bars.symbols, held, strict=True) if has_bars)
    columns = {name: getattr(bars, name) for name in ("sessions", *_COLUMNS, "provisional")}
    return Bars(symbols, bars.offsets[np.concatenate([[True], held])], **columns)


_COLUMNS = ("open", "high", "low", "close", "adj_close", "volume")


def _from_frame(frame: pl.DataFrame) -> Bars:
    missing = [name for name in _NEEDED if name not in frame.columns]
    if missing:
        raise UnreadableData(f"frame of new bars has columns {frame.columns}, must also have {missing}")
    looked_at = frame.select(name for name in (*_NEEDED, "provisional") if name in frame.columns)
    unknown = {name: pl.lit(None, dtype=kind) for name, kind in BAR_SCHEMA.items() if name not in looked_at.columns}
    try:
        return Bars.from_frame(looked_at.with_columns(**unknown))
    except pl.exceptions.InvalidOperationError as error:
        raise UnreadableData(f"frame of new bars has types {frame.schema}, must be {BAR_SCHEMA}") from error


def _from_mapping(new: Mapping[str, Sequence[Any]]) -> Bars:
    for symbol in new:
        if not isinstance(symbol, str):
            raise BadInput(f"symbol is {symbol!r}, must be text")
    symbols = tuple(sorted(new))
    n = len(symbols)
    sessions = np.array([_day(name, new[name]) for name in symbols], dtype="datetime64[D]")
    table = _table(symbols, new).reshape(n, len(ORDER) - 1)
    columns: dict[str, FloatArray] = dict(zip(ORDER[1:], np.ascontiguousarray(table.T), strict=True))
    unknown = np.full(n, np.nan)
    return Bars(symbols, np.arange(n + 1), sessions, adj_close=unknown, provisional=np.zeros(n, dtype=bool), **columns)


def _day(symbol: str, bar: Sequence[Any]) -> date:
    """Return the session of a bar, once the bar is known to have the right length."""
    is_plain = type(bar) is tuple or type(bar) is list or isinstance(bar, Sequence | np.ndarray)
    if isinstance(bar, str) or not is_plain or len(bar) != len(ORDER):
        raise BadInput(f"bar of {symbol} is {bar!r}, must be {ORDER}")
    value = bar[0].item() if isinstance(bar[0], np.datetime64) else bar[0]
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise BadInput(f"session of {symbol} is {bar[0]!r}, must be a date like 2024-12-31") from None


def _table(symbols: Sequence[str], new: Mapping[str, Sequence[Any]]) -> FloatArray:
    """Return the numbers of all bars; those that are not all plain are read one by one, ten times slower."""
    rows = [new[symbol][1:] for symbol in symbols]
    if {type(value) for row in rows for value in row} <= {float, int}:
        with suppress(OverflowError):
            return np.array(rows, dtype=np.float64)
    return np.array(
        [
            [_number(symbol, name, value) for name, value in zip(ORDER[1:], row, strict=True)]
            for symbol, row in zip(symbols, rows, strict=True)
        ],
        dtype=np.float64,
    )


def _number(symbol: str, name: str, value: Any) -> float:
    if value is None:
        return float("nan")
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise BadInput(f"{name} of {symbol} is {value!r}, must be a number, or None where unknown")
    try:
        return float(value)
    except OverflowError:
        raise BadInput(f"{name} of {symbol} is {value!r}, must be a number below 1e308") from None
