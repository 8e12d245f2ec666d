"""Columns as the world writes them, recognised as bars: yfinance, Yahoo CSV, EODHD, Alpha Vantage and plain tables."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from openapex.bars import BAR_SCHEMA, FIELDS
from openapex.errors import UnreadableData
from openapex.sources.source import Basis

NAMES: dict[str, str] = {
    "date": "session", "datetime": "session", "timestamp": "session", "time": "session", "day": "session",
    "session": "session", "index": "session",
    "symbol": "symbol", "ticker": "symbol", "code": "symbol",
    "open": "open", "high": "high", "low": "low", "close": "close", "volume": "volume", "vol": "volume",
    "adjclose": "adj_close", "adjustedclose": "adj_close", "closeadj": "adj_close", "adjustedclosing": "adj_close",
    "provisional": "provisional",
}  # fmt: skip
"""A column's name without case, spaces, dots, underscores and leading numbers, to the name in `BAR_SCHEMA`."""

EXPECTED = "date, open, high, low, close, volume (adj close and symbol where known)"
LEAST = ("session", "close")
HOLDINGS = ({"weight", "assetclass"}, {"weightpct", "assetclass"})


def recognised(frame: pl.DataFrame, where: str, *, is_cast: bool = True) -> tuple[pl.DataFrame, Basis]:
    """Return the frame's bars with the columns of `BAR_SCHEMA` (symbol only if it has one), and what they mean.

    Parameters
    ----------
    frame : DataFrame
        As read: any case and spacing of names, dates as text, date, datetime (with or without zone) or integer
        (20240131 or seconds since 1970), numbers also as text.
    where : str
        What to call it in an error: a file, "the frame".
    is_cast : bool, default True
        False leaves numbers in the types they have: of a universe, half the room.

    Returns
    -------
    tuple of DataFrame and Basis
        Rows in the order given; a missing column is null, a missing `provisional` False.  Basis is ``as_traded`` only
        for Alpha Vantage's shape (``timestamp``, no adjusted close); other tables are taken as split-adjusted.

    Raises
    ------
    UnreadableData
        If the columns are not those of bars (naming what was found and expected), or a value cannot be read.

    Notes
    -----
    A time of day is dropped in the zone it is written in, so a midnight in New York stays that day on any machine.

    Examples
    --------
    >>> frame, basis = recognised(pl.DataFrame({"Date": ["2024-01-02"], "Close": ["10.5"]}), "example.csv")
    >>> frame["session"].item(), frame["close"].item(), basis
    (datetime.date(2024, 1, 2), 10.5, 'split_adjusted')
    """
    found = list(frame.columns)
    named = _named(frame, where)
    missing = [name for name in LEAST if name not in named.columns]
    if missing:
        raise UnreadableData(f"{where} has columns {shown(found)}, must have {EXPECTED}")
    lone = [name for name in ("open", "high", "low") if name not in named.columns]
    if 0 < len(lone) < 3:
        raise UnreadableData(f"{where} has columns {shown(found)}, must also have {', '.join(lone)}")
    table = named.with_columns(sessions(named["session"], where).alias("session"))
    read = [name for name in FIELDS if name in table.columns and (is_cast or not table.schema[name].is_numeric())]
    table = table.with_columns(numbers(table[name], where) for name in read)
    return _complete(table, where, is_cast=is_cast), _basis(found)


def no_adjusted_close(frame: pl.DataFrame) -> str | None:
    """Return the sentence for bars whose adjusted close is unknown throughout, None where it is known."""
    if frame.height and frame["adj_close"].null_count() == frame.height:
        return "no adjusted close: returns leave out dividends"
    return None


def canonical(name: str) -> str:
    """Return a column's name as bars call it, or the plain name without case and spaces.

    Examples
    --------
    >>> [canonical(name) for name in ("Adj Close", "5. volume", "Adjusted_close", "Stock Splits")]
    ['adj_close', 'volume', 'adj_close', 'stocksplits']
    """
    plain = "".join(c for c in name.lower() if c.isalnum()).lstrip("0123456789")
    return NAMES.get(plain, plain)


def _named(frame: pl.DataFrame, where: str) -> pl.DataFrame:
    """Rename the known columns; refuse holdings and a name that comes twice."""
    known = {column: canonical(column) for column in frame.columns}
    if any(names <= set(known.values()) for names in HOLDINGS):
        raise UnreadableData(f"{where} is a fund's list of holdings, must be prices: {EXPECTED}")
    kept = {column: name for column, name in known.items() if name in BAR_SCHEMA}
    days = [column for column, name in kept.items() if name == "session"]
    dates = [column for column in days if column.strip().lower() in ("date", "session")] or days
    kept = {column: name for column, name in kept.items() if name != "session" or column in dates}
    twice = sorted({name for name in kept.values() if list(kept.values()).count(name) > 1})
    if twice:
        raise UnreadableData(f"{where} has columns {shown(frame.columns)}, must have only one for {', '.join(twice)}")
    return frame.select(pl.col(column).alias(name) for column, name in kept.items())


def _complete(table: pl.DataFrame, where: str, *, is_cast: bool) -> pl.DataFrame:
    kept = set() if is_cast else {name for name in FIELDS if name in table.columns}
    names = [name for name in BAR_SCHEMA if name != "symbol" or "symbol" in table.columns]
    blank = {name: pl.lit(None, dtype=BAR_SCHEMA[name]).alias(name) for name in names}
    blank["provisional"] = pl.lit(False).alias("provisional")
    try:
        return table.select(
            (pl.col(name) if name in kept else pl.col(name).cast(BAR_SCHEMA[name]))
            if name in table.columns
            else blank[name]
            for name in names
        )
    except pl.exceptions.PolarsError as error:
        raise UnreadableData(f"{where} has a value that cannot be read: {error}") from error


def _basis(found: list[str]) -> Basis:
    names = {column.strip().lower() for column in found}
    is_alpha_vantage = "timestamp" in names and not any(canonical(name) in ("adj_close", "symbol") for name in found)
    return "as_traded" if is_alpha_vantage else "split_adjusted"


def sessions(column: pl.Series, where: str, what: str = "date") -> pl.Series:
    """Return dates from text, dates, datetimes or integers, in the zone they are written in; `what` names them.

    Raises
    ------
    UnreadableData
        If a value is missing or is no date.
    """
    kind = column.dtype
    if kind == pl.Date or isinstance(kind, pl.Datetime):
        days = column.dt.date() if isinstance(kind, pl.Datetime) else column
    elif kind.is_integer():
        days = _from_integers(column)
    elif kind == pl.String:
        days = column.str.strip_chars().str.slice(0, 10).str.replace_all("/", "-").str.to_date("%Y-%m-%d", strict=False)
        if days.null_count() == len(days):
            days = column.str.strip_chars().str.to_date("%Y%m%d", strict=False)
    else:
        raise UnreadableData(f"{where} has dates of type {kind}, must be text, a date, a datetime or an integer")
    if days.null_count():
        row = int(days.is_null().arg_max() or 0)
        raise UnreadableData(f"{where}: {what} in row {row + 1} is {column[row]!r}, must be a date like 2024-12-31")
    return days


def _from_integers(column: pl.Series) -> pl.Series:
    """Read 20240131 as written; larger integers count seconds, milli-, micro- or nanoseconds since 1970 (UTC)."""
    largest = column.abs().max()
    if largest is None or int(str(largest)) < 100_000_000:
        return column.cast(pl.String).str.to_date("%Y%m%d", strict=False)
    per_second: int = 10 ** max(0, 3 * ((len(str(largest)) - 10 + 2) // 3))
    return pl.from_epoch((column // per_second).alias("session"), time_unit="s").dt.date()


def numbers(column: pl.Series, where: str) -> pl.Series:
    """Return floats; text may use thousands separators, and nothing, ``-``, ``.``, ``null`` or ``nan`` for unknown.

    Raises
    ------
    UnreadableData
        If a value is no number.
    """
    if column.dtype.is_numeric() or column.dtype == pl.Null:
        return column.cast(pl.Float64)
    if column.dtype != pl.String:
        raise UnreadableData(f"{where} has {column.name} of type {column.dtype}, must be numbers")
    plain = column.str.strip_chars().str.replace_all(",", "")
    plain = plain.replace(dict.fromkeys(("", "-", "null", "NULL", "None", "nan", "NaN", "N/A", "."), None))
    read = plain.cast(pl.Float64, strict=False)
    bad = read.is_null() & plain.is_not_null()
    if bad.any():
        row = int(bad.arg_max() or 0)
        raise UnreadableData(f"{where}: {column.name} in row {row + 1} is {column[row]!r}, must be a number")
    return read


def shown(names: Sequence[str]) -> str:
    """Return the names of columns as an error shows them."""
    first = ", ".join(repr(name) for name in names[:12])
    return first + (f", … ({len(names)} in all)" if len(names) > 12 else "") or "none"


def is_on_or_between(start: date | None, end: date | None) -> pl.Expr:
    """Return the expression that keeps sessions from `start` to `end`, both inclusive."""
    keep = pl.lit(True)
    if start is not None:
        keep = keep & (pl.col("session") >= start)
    return keep & (pl.col("session") <= end) if end is not None else keep
