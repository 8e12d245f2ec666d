"""What a table holds, told from the names of its columns alone: bars, series, a fund's holdings, or something else."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

from openapex.bars import BAR_SCHEMA
from openapex.sources.columns import canonical, shown

TableKind: TypeAlias = Literal["bars", "symbol_bars", "series", "holdings", "other", "unreadable"]
"""``bars`` of many symbols, ``symbol_bars`` of the one the file is named after, macro ``series``, fund ``holdings``."""

SERIES_COLUMNS = {
    "date": "reference_date", "referencedate": "reference_date", "observationdate": "reference_date",
    "series": "series", "seriesid": "series", "value": "value",
    "knownat": "known_at", "vintage": "known_at", "vintagedate": "known_at", "realtimestart": "known_at",
}  # fmt: skip
"""A column's plain name (lower case, letters and digits) to the name in `MACRO_SCHEMA`."""

FREDGRAPH_DATES = ("observation_date", "DATE")
_FRED_ID = re.compile(r"[A-Z0-9][A-Z0-9_]*")


@dataclass(frozen=True, slots=True)
class TableNote:
    """What one file of a folder was taken for; `why` is a clause for the user."""

    name: str
    kind: TableKind
    why: str


@lru_cache(maxsize=512)
def kind_of(columns: tuple[str, ...]) -> TableKind:
    """Return what a table with these columns holds.

    Examples
    --------
    >>> kind_of(("date", "symbol", "close")), kind_of(("Date", "Close")), kind_of(("date", "series", "value"))
    ('bars', 'symbol_bars', 'series')
    >>> kind_of(("observation_date", "DGS2")), kind_of(("Ticker", "Sector", "Weight (%)")), kind_of(("ts", "close"))
    ('series', 'holdings', 'other')
    """
    names = {canonical(column) for column in columns}
    if "symbol" in names and names & {"weight", "weightpct"} and "close" not in names:
        return "holdings"
    if {"session", "close"} <= names:
        return "bars" if "symbol" in names else "symbol_bars"
    return "series" if is_long_series(columns) or is_wide_series(columns) else "other"


def is_long_series(columns: Sequence[str]) -> bool:
    """Return whether each row names its series: columns of a date, ``series`` and ``value``."""
    return {"reference_date", "series", "value"} <= set(series_names(columns).values())


def is_wide_series(columns: Sequence[str]) -> bool:
    """Return whether this is FRED's graph download: a date, then one column per series."""
    first, *others = (column.strip() for column in columns)
    if first not in FREDGRAPH_DATES or not others or any(canonical(name) in BAR_SCHEMA for name in others):
        return False
    return first == "observation_date" or all(_FRED_ID.fullmatch(name) and name != "VALUE" for name in others)


def series_names(columns: Sequence[str]) -> dict[str, str]:
    """Return the columns of a long table of series, as found, with their names in `MACRO_SCHEMA`."""
    plain = {column: "".join(c for c in column.lower() if c.isalnum()) for column in columns}
    return {column: SERIES_COLUMNS[name] for column, name in plain.items() if name in SERIES_COLUMNS}


def reason_for(kind: TableKind, columns: Sequence[str]) -> str:
    """Return why a table with these columns is of that kind."""
    if kind == "other":
        return (
            f"has columns {shown(columns)}: not those of bars (date, close), series (date, series, value) "
            "or holdings (ticker, weight)"
        )
    if kind == "symbol_bars":
        return f"columns {shown(columns)}; the file's name is the symbol"
    return f"columns {shown(columns)}"
