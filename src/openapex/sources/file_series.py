"""Macro series from tables: one row per value, or FRED's graph download with one column per series."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from openapex.errors import ApexError, UnknownName, UnreadableData
from openapex.sources.columns import numbers, sessions, shown
from openapex.sources.file_bars import is_rising
from openapex.sources.kinds import is_long_series, series_names
from openapex.sources.releases import known_at, release
from openapex.sources.source import BAR_SCHEMA, Answer, Delivery, Failure, NoNewData, empty
from openapex.sources.tables import collected, parted_by

KEY = ("reference_date", "known_at")


def series_rows(scan: pl.LazyFrame, where: str) -> dict[str, pl.DataFrame]:
    """Return the rows of every series in a table, as written: reference_date, value, and known_at where it has it.

    The whole table is read: it is small, and finding some series in it takes longer.

    Raises
    ------
    UnreadableData
        If the file is damaged, or two columns claim to be the same.
    """
    columns = scan.collect_schema().names()
    return _long(scan, where) if is_long_series(columns) else _wide(scan, where)


def series_answer(
    series: str, held: Sequence[tuple[str, pl.DataFrame]], start: date | None = None, end: date | None = None
) -> Answer:
    """Return the answer for one series from its rows, given as (file, rows) for each file that holds it.

    Rows of several files are united.  `start` is of the reference date, `end` of the day a value became known.
    """
    try:
        parts = {where: _macro(series, rows, where, start, end) for where, rows in held}
    except ApexError as error:
        return Failure(series, error)
    parts = {where: part for where, part in parts.items() if part.height}
    if not parts:
        span = f"{f' from {start}' if start else ''}{f' known by {end}' if end else ''}"
        return NoNewData(series, f"{' and '.join(where for where, _ in held)} holds {series}, and no value of it{span}")
    macro, warnings = _united(series, parts)
    n = sum(part.height for part in parts.values())
    return Delivery(
        symbol=series,
        source=f"files:{'+'.join(parts)}",
        simulated=False,
        basis="split_adjusted",
        bars=empty(BAR_SCHEMA),
        macro=macro,
        n_superseded=n - macro.height,
        warnings=warnings,
    )


def _long(scan: pl.LazyFrame, where: str) -> dict[str, pl.DataFrame]:
    names = series_names(scan.collect_schema().names())
    twice = sorted({name for name in names.values() if list(names.values()).count(name) > 1})
    if twice:
        raise UnreadableData(f"{where} has columns {shown(list(names))}, must have only one for {', '.join(twice)}")
    frame = collected(scan.select(pl.col(column).alias(name) for column, name in names.items()), where)
    return parted_by(frame, "series")


def _wide(scan: pl.LazyFrame, where: str) -> dict[str, pl.DataFrame]:
    frame = collected(scan, where)
    dates, *others = frame.columns
    rows = {name: frame.select(pl.col(dates).alias("reference_date"), pl.col(name).alias("value")) for name in others}
    if len(others) == 1:
        return rows
    # several series share the rows, so a blank is a day of another one
    return {name: one.filter(pl.col("value").is_not_null()) for name, one in rows.items()}


def _macro(series: str, rows: pl.DataFrame, where: str, start: date | None, end: date | None) -> pl.DataFrame:
    """Return rows in `MACRO_SCHEMA`, sorted, within the span."""
    reference = sessions(rows["reference_date"], where)
    value = _finite(numbers(rows["value"], where), reference, where)
    if "known_at" in rows.columns:
        known, as_published = _not_before(reference, sessions(rows["known_at"], where, "known_at"), where), True
    else:
        reference, known, value = _lagged(series, reference, value, where)
        as_published = not release(series).revised
    n = len(reference)
    columns = [
        _constant("series", series, n),
        reference.alias("reference_date"),
        known.alias("known_at"),
        value.alias("value"),
        _constant("as_published", as_published, n),
    ]
    macro = pl.DataFrame(columns)
    if start is not None:
        macro = macro.filter(pl.col("reference_date") >= start)
    return macro if end is None else macro.filter(pl.col("known_at") <= end)


def _constant(name: str, value: str | bool, n: int) -> pl.Series:
    return pl.Series(name, [value]).new_from_index(0, n)


def _finite(value: pl.Series, reference: pl.Series, where: str) -> pl.Series:
    """Return the values with NaN as null; refuse an infinite one."""
    numbers = value.to_numpy()
    if not np.isnan(numbers).any() and np.isfinite(numbers).all():
        return value
    if value.is_infinite().any():
        row = int(value.is_infinite().arg_max() or 0)
        raise UnreadableData(f"{where}: value of {reference[row]} is {value[row]}, must be a finite number")
    return value.fill_nan(None)


def _not_before(reference: pl.Series, known: pl.Series, where: str) -> pl.Series:
    early = known < reference
    if early.any():
        row = int(early.arg_max() or 0)
        raise UnreadableData(f"{where}: known_at of {reference[row]} is {known[row]}, must not be earlier than it")
    return known


def _lagged(series: str, reference: pl.Series, value: pl.Series, where: str) -> tuple[pl.Series, pl.Series, pl.Series]:
    """Return reference dates, days of publication by the release lag, and values; a turn may add rows."""
    try:
        rule = release(series)
    except UnknownName as error:
        raise UnreadableData(
            f"{where} holds {series} without a column known_at, must have one (the day each value was published): "
            f"no release lag is known for {series}"
        ) from error
    if not rule.turns:
        return reference, known_at(series, reference), value
    at, known, values = rule.rows(reference.to_numpy().astype("datetime64[D]"), value.to_numpy())
    return reference[at], pl.Series("known_at", known, dtype=pl.Date), pl.Series("value", values).fill_nan(None)


def _united(series: str, parts: dict[str, pl.DataFrame]) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return one row per reference date and day of publication, and what to say.

    Within a file the last of equal rows counts, between files the first.  Where a value's day of publication is known,
    a later row that only supposes it is left out: it would pass a revised value off as the published one.
    """
    if len(parts) == 1:
        (rows,) = parts.values()
        one = _one_each(rows)
        n = rows.height - one.height
        said = f"repeated rows: {n} have the reference date and known_at of another; the last of each is used"
        return one, (said,) if n else ()
    ranked = pl.concat([_one_each(rows) for rows in reversed(parts.values())])
    joint = ranked.sort(*KEY, "as_published", maintain_order=True).unique(KEY, keep="last", maintain_order=True)
    published = pl.col("known_at").filter(pl.col("as_published")).min().over("reference_date")
    joint = joint.filter(pl.col("as_published") | (pl.col("known_at") < published.fill_null(date.max)))
    where = " and ".join(parts)
    said = f"{series} stands in {where}: their rows are united, and the first file counts where both have a value"
    return joint, (said,)


def _one_each(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows sorted, the last of those with equal key."""
    if is_rising(rows["reference_date"]):  # no vintages: most tables
        return rows
    return rows.sort(KEY, maintain_order=True).unique(KEY, keep="last", maintain_order=True)
