"""FRED's two answers as rows: the CSV of today's values, and observations with their real-time periods."""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any, NamedTuple

from openapex.errors import BadPayload
from openapex.sources.http_faults import quoted

DATE_HEADERS = ("observation_date", "DATE")
MISSING = frozenset({"", ".", "ND", "NA"})
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


class Point(NamedTuple):
    """A value as FRED holds it today."""

    reference: date
    value: float | None


class Vintage(NamedTuple):
    """A value and the first day on which FRED showed it."""

    reference: date
    since: date
    value: float | None


class Page(NamedTuple):
    """One page of vintages, and how many the whole answer has."""

    vintages: list[Vintage]
    n_rows: int
    n_total: int


def csv_points(series: str, text: str) -> list[Point]:
    r"""Return the rows of a ``fredgraph`` CSV; a missing value (``.``) is None, never a number.

    Raises
    ------
    BadPayload
        If it is not such a CSV, is of another series, or broke off; quotes FRED's own text.

    Examples
    --------
    >>> csv_points("DGS2", "observation_date,DGS2\n2024-12-24,4.29\n2024-12-25,.\n")
    [Point(reference=datetime.date(2024, 12, 24), value=4.29), Point(reference=datetime.date(2024, 12, 25), value=None)]
    """
    header, _, body = text.lstrip("\ufeff").partition("\n")
    cells = [cell.strip().strip('"') for cell in header.split(",")]
    if len(cells) != 2 or cells[0] not in DATE_HEADERS:
        raise BadPayload(f"{series}: FRED answered with {quoted(text)}, must be CSV of a date and {series}")
    if cells[1] != series:
        raise BadPayload(f"{series}: FRED answered with the series {quoted(cells[1])}, must be {series}")
    if body and not body.endswith("\n"):
        raise BadPayload(
            f"{series}: FRED's CSV ends with {quoted(body[-60:])}, must end with a whole line (it broke off)"
        )
    points = [_csv_point(series, line) for line in body.splitlines() if line.strip()]
    for before, after in pairwise(points):
        if after.reference <= before.reference:
            raise BadPayload(
                f"{series}: FRED's {after.reference} follows {before.reference}, must be in order of dates"
            )
    return points


def _csv_point(series: str, line: str) -> Point:
    cells = line.strip().split(",")
    if len(cells) != 2:
        raise BadPayload(f"{series}: FRED's CSV has the line {quoted(line)}, must be a date and a value")
    return Point(_day(series, "date", cells[0]), _value(series, cells[0], cells[1]))


def vintage_page(series: str, asked: Mapping[str, str | int], payload: Mapping[str, Any]) -> Page:
    """Return one page of observations, checked to be of the real-time period and the page asked for.

    FRED answers HTTP 200 and *today's* values where it does not understand the asked-for period, so a period other than
    the asked one is an error and never data (failure scenario 25).

    Raises
    ------
    BadPayload
        If the answer's period, page or an observation's period is not within what was asked, or a field is missing.
    """
    for name in ("realtime_start", "realtime_end", "limit", "offset"):
        if str(payload.get(name)) != str(asked[name]):
            raise BadPayload(
                f"{series}: FRED's answer has {name} {payload.get(name)!r}, must be {asked[name]!r} as asked "
                "(FRED answers with today's values where it does not understand a period)"
            )
    rows, total = payload.get("observations"), payload.get("count")
    if not isinstance(rows, list) or not isinstance(total, int):
        raise BadPayload(f"{series}: FRED's answer has the fields {sorted(payload)}, must have observations and count")
    first, last = (_day(series, name, asked[name]) for name in ("realtime_start", "realtime_end"))
    return Page([_vintage(series, row, first, last) for row in rows], len(rows), total)


def _vintage(series: str, row: object, first: date, last: date) -> Vintage:
    if not isinstance(row, dict):
        raise BadPayload(f"{series}: FRED's observation is {row!r}, must be an object")
    start, end = (_day(series, name, row.get(name)) for name in ("realtime_start", "realtime_end"))
    if not first <= start <= end <= last:
        raise BadPayload(
            f"{series}: FRED's observation of {row.get('date')} is of the period {start} to {end}, must be within the "
            f"asked one, {first} to {last}"
        )
    return Vintage(_day(series, "date", row.get("date")), start, _value(series, row.get("date"), row.get("value")))


def merged_vintages(vintages: Sequence[Vintage]) -> list[Vintage]:
    """Return vintages sorted by (reference, since), without those that repeat the value before.

    Where the history was asked for in several spans, FRED cuts a real-time period at each span's edge, so that one
    value appears twice.

    Examples
    --------
    >>> day = date(2020, 1, 1)
    >>> first, edge, revised = date(2020, 2, 7), date(2022, 1, 1), date(2022, 1, 7)
    >>> rows = [Vintage(day, first, 3.6), Vintage(day, edge, 3.6), Vintage(day, revised, 3.5)]
    >>> [str(row.since) for row in merged_vintages(rows)]
    ['2020-02-07', '2022-01-07']
    """
    kept: list[Vintage] = []
    for row in sorted(vintages, key=lambda one: (one.reference, one.since)):
        if not kept or kept[-1].reference != row.reference or kept[-1].value != row.value:
            kept.append(row)
    return kept


def _day(series: str, name: str, text: object) -> date:
    try:
        return date.fromisoformat(str(text).strip())
    except ValueError:
        raise BadPayload(f"{series}: FRED's {name} is {quoted(str(text))}, must be a date like 2024-12-31") from None


def _value(series: str, when: object, cell: object) -> float | None:
    """Return a number, or None where FRED writes that it has none."""
    text = str(cell).strip()
    if text in MISSING:
        return None
    value = float(text) if NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise BadPayload(f"{series}: FRED's value of {when} is {quoted(text)}, must be a number or '.'")
    return value
