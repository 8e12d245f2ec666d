"""Rows of a file to the answer for one symbol: sorted, one row a session, none without a price, each thing said."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl

from openapex.bars import FIELDS
from openapex.errors import ApexError, NoData, UnreadableData
from openapex.sessions import calendar_of, known_span, sessions_between
from openapex.sources.columns import canonical, is_on_or_between, no_adjusted_close, recognised
from openapex.sources.source import BAR_SCHEMA, Answer, Basis, Delivery, Failure, NoNewData
from openapex.sources.tables import collected, parted_by


def symbol_column(columns: Sequence[str]) -> str | None:
    """Return the column that names the symbol."""
    return next((name for name in columns if canonical(name) == "symbol"), None)


def rows_of(scan: pl.LazyFrame, symbols: Sequence[str]) -> pl.LazyFrame:
    """Return the rows of some symbols of a long table, with the columns that bars need."""
    schema = scan.collect_schema()
    column = symbol_column(schema.names()) or ""
    # a cast halves the speed
    name = pl.col(column) if schema[column] == pl.String else pl.col(column).cast(pl.String)
    return bar_columns(scan.filter(name.is_in(list(dict.fromkeys(symbols)))))


def bar_columns(scan: pl.LazyFrame) -> pl.LazyFrame:
    """Return the columns that bars need; where these are no bars all of them, so that an unknown table is named."""
    kept = [name for name in scan.collect_schema().names() if canonical(name) in BAR_SCHEMA]
    return scan.select(kept) if {"session", "close"} <= {canonical(name) for name in kept} else scan


def parted(frame: pl.DataFrame, where: str) -> dict[str, pl.DataFrame]:
    """Return a long table's rows by symbol: in `BAR_SCHEMA` where its types need no reading, else as they are."""
    if _is_typed(frame):
        with suppress(UnreadableData):  # said of the symbol that it concerns
            frame = recognised(frame, where)[0].select(BAR_SCHEMA.names())
    return parted_by(frame, symbol_column(frame.columns) or "")


def _is_typed(frame: pl.DataFrame) -> bool:
    """Return whether dates and numbers are of such types that each row is read without regard to the others."""
    names = {column: canonical(column) for column in frame.columns}
    return all(
        frame.schema[column].is_temporal() if name == "session" else frame.schema[column].is_numeric()
        for column, name in names.items()
        if name in FIELDS or name == "session"
    )


def symbols_held(scan: pl.LazyFrame, where: str) -> list[str]:
    """Return the symbols in a long table, sorted."""
    column = symbol_column(scan.collect_schema().names()) or ""
    held = collected(scan.select(pl.col(column).unique().cast(pl.String)), where)
    return sorted(held.to_series().drop_nulls().unique().to_list())


def with_rows(frame: pl.DataFrame, where: str) -> pl.DataFrame:
    """Return the frame unchanged; refuse one without rows.

    Raises
    ------
    UnreadableData
        If its columns are not those of bars, which is the greater fault.
    NoData
        If it has no rows.
    """
    if frame.is_empty():
        recognised(frame, where)
        raise NoData(f"{where} holds 0 rows, must hold at least one bar")
    return frame


def bar_answer(
    symbol: str, held: Sequence[tuple[str, pl.DataFrame]], start: date | None = None, end: date | None = None
) -> Answer:
    """Return the answer for one symbol from its rows, given as (file, rows) for each file that holds it.

    Of several files the one with the latest bar in the asked span is used, then the one with the most bars, then the
    first; the answer says so.
    """
    answers = [_answer(symbol, rows, where, start, end) for where, rows in held]
    if len(answers) == 1:
        return answers[0]
    found = {where: one for (where, _), one in zip(held, answers, strict=True) if isinstance(one, Delivery)}
    if len(found) < 2:
        return next(iter(found.values()), answers[0])
    chosen = max(found, key=lambda where: (found[where].bars["session"][-1], found[where].bars.height))
    others = ", ".join(where for where in found if where != chosen)
    sentence = f"{symbol} stands in {len(found)} tables: {chosen} is used, whose bars reach furthest, not {others}"
    return replace(found[chosen], warnings=(*found[chosen].warnings, sentence))


def _answer(symbol: str, frame: pl.DataFrame, where: str, start: date | None, end: date | None) -> Answer:
    """Return the delivery of one symbol's rows: sorted, the last row of a repeated session, none without a price."""
    try:
        rows, basis = _recognised(symbol, frame, where)
        return _delivered(symbol, rows, basis, where, start, end)
    except ApexError as error:
        return Failure(symbol, error)


def _recognised(symbol: str, frame: pl.DataFrame, where: str) -> tuple[pl.DataFrame, Basis]:
    if frame.schema == BAR_SCHEMA and not frame["session"].null_count():  # `parted` has done it for all symbols at once
        return frame, "split_adjusted"
    table, basis = recognised(frame, where)
    return table.with_columns(symbol=pl.lit(symbol, dtype=pl.String)).select(BAR_SCHEMA.names()), basis


def _delivered(
    symbol: str, rows: pl.DataFrame, basis: Basis, where: str, start: date | None, end: date | None
) -> Answer:
    # before anything is said: later rows must not change a word
    asked = rows if start is None and end is None else rows.filter(is_on_or_between(start, end))
    has_price = pl.any_horizontal(pl.col(FIELDS[:4]).fill_nan(None).is_not_null())
    priced = asked if _is_whole(asked["close"]) else asked.filter(has_price)
    if priced.is_empty():
        return _nothing(symbol, rows.filter(has_price), where, start, end)
    bars = _one_each(priced)
    warnings = (
        _priceless(asked.filter(~has_price)) if priced.height < asked.height else None,
        no_adjusted_close(bars),
        *(() if bars is priced else (_repeated(priced, bars), _jumbled(priced))),
    )
    return Delivery(
        symbol=symbol,
        source=f"files:{where}",
        simulated=False,
        basis=basis,
        bars=bars,
        n_superseded=priced.height - bars.height,
        warnings=tuple(sentence for sentence in warnings if sentence),
    )


def _is_whole(close: pl.Series) -> bool:
    return not close.null_count() and not np.isnan(close.to_numpy()).any()


def _nothing(symbol: str, priced: pl.DataFrame, where: str, start: date | None, end: date | None) -> Answer:
    if priced.is_empty():
        raise NoData(f"{where} holds {symbol} without prices, must hold at least one with a price")
    first, last = priced["session"].min(), priced["session"].max()
    reason = f"{where} holds {symbol} from {first!s} to {last!s}, and no bar in the span asked for"
    return NoNewData(symbol, _closed(symbol, start, end) or reason)


def _one_each(priced: pl.DataFrame) -> pl.DataFrame:
    """Return one row a session: the last whose close lies within its range, or just the last."""
    return priced if is_rising(priced["session"]) else last_good(priced, ("session",))  # most files rise


def last_good(rows: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """Return one row a key, sorted: the last whose close lies within its range, or just the last."""
    slack = 1e-6 * pl.col("high").abs()
    is_good = pl.col("close").is_between(pl.col("low") - slack, pl.col("high") + slack).fill_null(True)
    ordered = rows.with_columns(is_good=is_good).sort(*keys, "is_good", maintain_order=True)
    return ordered.unique(list(keys), keep="last", maintain_order=True).drop("is_good")


def is_rising(days: pl.Series) -> bool:
    """Return whether each day is later than the one before it, so that nothing repeats."""
    return bool((np.diff(days.to_numpy()) > np.timedelta64(0, "D")).all())


def _repeated(priced: pl.DataFrame, bars: pl.DataFrame) -> str | None:
    n = priced.height - bars.height
    if not n:
        return None
    latest = priced.filter(priced["session"].is_duplicated())["session"].max()
    return f"duplicate_session: {n} rows repeat a session, the latest {latest!s}; the last good row of each is used"


def _jumbled(priced: pl.DataFrame) -> str | None:
    """Return a sentence unless the sessions rise throughout, or fall throughout as some vendors list them."""
    sessions = priced["session"]
    if sessions.is_sorted() or sessions.is_sorted(descending=True):
        return None
    return "unsorted: rows are not in order of date; they were sorted"


def _closed(symbol: str, start: date | None, end: date | None) -> str | None:
    """Return the sentence for a span without a session on the symbol's exchange, None where there is one."""
    calendar = calendar_of(symbol)
    if calendar is None or start is None or end is None:
        return None
    first, last = known_span(calendar)
    if not first <= start <= end <= last or len(sessions_between(start, end, calendar)):
        return None
    return f"the market was closed: {calendar} has no session from {start} to {end}"


def _priceless(rows: pl.DataFrame) -> str:
    latest = rows.select(pl.col("session").max()).item()
    return f"rows without a price left out: {rows.height}, the latest {latest}"
