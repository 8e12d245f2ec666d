"""From FRED's rows to `MACRO_SCHEMA`: on which day was each value known, and was it the one published then."""

from collections.abc import Iterable, Sequence
from datetime import date

import numpy as np
import polars as pl

from openapex.bars import FloatArray, SessionArray
from openapex.sources.fred_parse import Point, Vintage
from openapex.sources.releases import Release
from openapex.sources.source import MACRO_SCHEMA


def todays_frame(rule: Release, points: Sequence[Point], seen: date) -> pl.DataFrame:
    """Return today's values with the day each became known by the release lag.

    Parameters
    ----------
    rule : Release
        How the series is published.
    points : sequence of Point
        Sorted by reference date.
    seen : date
        The first day at whose close what FRED shows now is public: a value whose rule says later is known by then.
    """
    reference = _days(point.reference for point in points)
    at, known, values = rule.rows(reference, _values(point.value for point in points))
    reference = reference[at]
    known = np.maximum(np.minimum(known, np.datetime64(seen, "D")), reference)
    frame = _frame(rule.series, reference, known, values, np.full(len(at), not rule.revised))
    return frame.unique(["reference_date", "known_at"], keep="last", maintain_order=True) if rule.turns else frame


def published_frame(series: str, rule: Release | None, vintages: Sequence[Vintage]) -> pl.DataFrame:
    """Return every value ever shown with the day it was published.

    FRED's archive of a series begins years after its data: all earlier values stand in it as of its first day.  Their
    day is the one of the release lag, and they count as published only if the lag says that they were new on that first
    day, or if the series is never revised.  Without a known lag they are known from the archive's first day.  Of two
    vintages that count from one day the later is kept.

    Parameters
    ----------
    series : str
        Its name.
    rule : Release or None
        How the series is published, None where not known: its hour may then be after the close.
    vintages : sequence of Vintage
        Sorted by (reference, since).
    """
    reference = _days(row.reference for row in vintages)
    since = _days(row.since for row in vintages)
    if not len(since):
        return pl.DataFrame(schema=MACRO_SCHEMA)
    shown = since
    if rule is None or rule.after_close:
        shown = np.busday_offset(since, 1, roll="backward").astype("datetime64[D]")
    is_archived = since == since.min()
    if rule is None:
        known, as_published = shown, ~is_archived
    else:
        by_rule = rule.known_at(reference)
        known = np.where(is_archived, np.minimum(shown, by_rule), shown)
        as_published = ~is_archived | (by_rule >= shown) | (not rule.revised)
    known = np.maximum(known, reference)  # a projection counts from the day it is about
    frame = _frame(series, reference, known, _values(row.value for row in vintages), as_published)
    if rule is not None and rule.turns:
        frame = pl.concat([_before_turns(rule, frame.filter(pl.Series(is_archived)), since.min()), frame])
        frame = frame.sort("reference_date", "known_at", maintain_order=True)
    return frame.unique(["reference_date", "known_at"], keep="last", maintain_order=True)


def _before_turns(rule: Release, archived: pl.DataFrame, first: np.datetime64) -> pl.DataFrame:
    """Return what stood of archived months before the archive, until their turn was announced."""
    reference = archived["reference_date"].to_numpy().astype("datetime64[D]")
    at, known, values = rule.rows(reference, archived["value"].to_numpy())
    is_early = (known < rule.known_at(reference)[at]) & (known < first)
    at, known, values = at[is_early], known[is_early], values[is_early]
    return _frame(rule.series, reference[at], known, values, np.zeros(len(at), dtype=bool))


def _values(values: Iterable[float | None]) -> FloatArray:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _days(days: Iterable[date]) -> SessionArray:
    return np.array(list(days), dtype="datetime64[D]")


def _frame(
    series: str, reference: SessionArray, known: SessionArray, values: FloatArray, as_published: object
) -> pl.DataFrame:
    columns = {
        "series": pl.repeat(series, len(values), dtype=pl.String, eager=True),
        "reference_date": reference,
        "known_at": known,
        "value": pl.Series(values, dtype=pl.Float64).fill_nan(None),
        "as_published": as_published,
    }
    return pl.DataFrame(columns, schema=MACRO_SCHEMA)
