"""When a value of a macro series became public; the facts are in ``releases.toml``, one table per report.

A value counts from the close of New York on its `known_at` day.  Where a publisher's day moves, the later one is taken:
a value that seems to come a day late costs little, one that comes a day early is look-ahead.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from openapex.bars import FloatArray, SessionArray
from openapex.errors import BadInput, UnknownName
from openapex.sources.federal_days import business_day

IndexArray: TypeAlias = npt.NDArray[np.intp]
Cadence: TypeAlias = Literal["daily", "weekly", "monthly", "quarterly"]


@dataclass(frozen=True, slots=True)
class Release:
    """How one macro series is published.

    Parameters
    ----------
    series : str
        FRED's name of it.
    title : str
        What it is, with its unit.
    cadence : {"daily", "weekly", "monthly", "quarterly"}
        How often there is a value.
    revised : bool
        Whether a published value may change later, so that today's value is not what was published.
    sentence : str
        When a value counts as known, in words.
    source : str
        Publisher, document and schedule behind the rule.
    rule, lag, day
        The rule's name and numbers as in ``releases.toml``; 0 where the rule has none.
    formerly : tuple of (date, int, int)
        For the rule "month": for reference dates before the date, another `lag` and `day`.
    exceptions : tuple of (date, date)
        Reference date and day of publication, where the rule does not hold.
    after_close : bool
        Whether it is published after 16:00, so that the day of publication is not yet the day it counts from.
    at_fred : bool
        Whether FRED serves it.
    turns : tuple of (date, date)
        For the rule "turns": month of each turn of the business cycle and the day it was announced.
    """

    series: str
    title: str
    cadence: Cadence
    revised: bool
    sentence: str
    source: str
    rule: str
    lag: int = 0
    day: int = 0
    formerly: tuple[tuple[date, int, int], ...] = ()
    exceptions: tuple[tuple[date, date], ...] = ()
    after_close: bool = False
    at_fred: bool = True
    turns: tuple[tuple[date, date], ...] = ()

    def known_at(self, reference: SessionArray) -> SessionArray:
        """Return the first day at whose close each value was certainly public; shape as `reference`, datetime64[D]."""
        known = _RULES[self.rule](self, reference)
        for when, published in self.exceptions:
            known[reference == np.datetime64(when, "D")] = np.datetime64(published, "D")
        return known

    def rows(self, reference: SessionArray, value: FloatArray) -> "tuple[IndexArray, SessionArray, FloatArray]":
        """Return what was public of today's values: for each row its place in `reference`, its day, its value.

        One row a value, but for the rule "turns": until a turn of the business cycle was announced, the months after it
        stood in the phase before it.
        """
        at, known = np.arange(len(reference)), self.known_at(reference)
        if not self.turns:
            return at, known, value
        begins, announced = _phases(self)
        after_next = _after_next(reference)
        true = np.searchsorted(begins, reference.astype("datetime64[M]"), side="right")
        standing = np.minimum(true, np.searchsorted(announced, after_next, side="right"))
        early = [at[(standing <= phase) & (phase < true)] for phase in range(len(begins))]
        whens = [np.maximum(announced[phase - 1], after_next[one]) if phase else after_next[one]
                 for phase, one in enumerate(early)]  # fmt: skip
        values = [np.full(len(one), float(phase % 2)) for phase, one in enumerate(early)]  # the first turn is a peak
        where, days = np.concatenate([*early, at]), np.concatenate([*whens, known])
        order = np.lexsort((days, where))
        return where[order], days[order], np.concatenate([*values, value])[order]


def known_at(series: str, reference: pl.Series) -> pl.Series:
    """Return the day from whose close (16:00 New York) each value of a macro series was public.

    Parameters
    ----------
    series : str
        One of `KNOWN_SERIES`, named as FRED names it.
    reference : Series of Date
        The day, week or month each value is about, as FRED dates it (a month by its first day).

    Returns
    -------
    Series of Date
        As long as `reference`, never before it.

    Raises
    ------
    UnknownName
        If no release lag is known for the series.
    BadInput
        If `reference` is not of dates or holds a null.

    Examples
    --------
    >>> known_at("UNRATE", pl.Series([date(2024, 1, 1), date(2024, 12, 1)])).to_list()
    [datetime.date(2024, 2, 2), datetime.date(2025, 1, 10)]
    """
    rule = release(series)
    if reference.dtype != pl.Date:
        raise BadInput(f"reference of {series} is of type {reference.dtype}, must be Date")
    if reference.null_count():
        raise BadInput(f"reference of {series} is null in {reference.null_count()} rows, must be known in every row")
    known = rule.known_at(reference.to_numpy().astype("datetime64[D]"))
    return pl.Series("known_at", known, dtype=pl.Date)


def release(series: str) -> Release:
    """Return how a series is published.

    Raises
    ------
    UnknownName
        If no release lag is known for the series.
    """
    if series not in KNOWN_SERIES:
        raise UnknownName("macro series (with a known release lag)", series, KNOWN_SERIES)
    return _releases()[series]


@cache
def _releases() -> Mapping[str, Release]:
    reports = tomllib.loads(files("openapex.sources").joinpath("releases.toml").read_text("utf-8"))
    found = [one for report in reports.values() for one in _of_report(report)]
    return MappingProxyType({one.series: one for one in sorted(found, key=lambda one: one.series)})


def _of_report(report: dict[str, Any]) -> list[Release]:
    """Return the series of one table of ``releases.toml``."""
    exceptions = tuple((date.fromisoformat(when), day) for when, day in report.pop("exceptions", {}).items())
    turns = tuple((turn["month"], turn["announced"]) for turn in report.pop("turns", []))
    formerly = tuple((era["before"], era["lag"], era["day"]) for era in report.pop("formerly", []))
    titles = report.pop("series")
    return [
        Release(series=s, title=t, formerly=formerly, exceptions=exceptions, turns=turns, **report)
        for s, t in titles.items()
    ]


def _same_day(_: Release, reference: SessionArray) -> SessionArray:
    return reference.copy()


def _weekdays(rule: Release, reference: SessionArray) -> SessionArray:
    return np.busday_offset(reference, rule.lag, roll="backward").astype("datetime64[D]")


def _business_days(rule: Release, reference: SessionArray) -> SessionArray:
    return business_day(reference, rule.lag)


def _days(rule: Release, reference: SessionArray) -> SessionArray:
    return np.busday_offset(reference + rule.lag, 0, roll="forward").astype("datetime64[D]")


def _next_week(rule: Release, reference: SessionArray) -> SessionArray:
    sunday = reference + 6 - (reference.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
    return business_day(sunday, rule.lag)


def _month(rule: Release, reference: SessionArray) -> SessionArray:
    known = _of_month(reference, rule.lag, rule.day)
    for before, lag, day in rule.formerly:
        known = np.where(reference < np.datetime64(before, "D"), _of_month(reference, lag, day), known)
    return known


def _of_month(reference: SessionArray, lag: int, day: int) -> SessionArray:
    month = reference.astype("datetime64[M]") + lag
    return business_day(month.astype("datetime64[D]") + (day - 1), 0)


def _employment_situation(_: Release, reference: SessionArray) -> SessionArray:
    twelfth = reference.astype("datetime64[M]").astype("datetime64[D]") + 11
    saturday = twelfth + (2 - twelfth.astype(np.int64)) % 7  # 1970-01-03 was a Saturday
    friday = saturday + 20
    day_of_year = (friday - friday.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64) + 1
    return np.where(day_of_year <= 3, friday + 7, friday)


def _turns(rule: Release, reference: SessionArray) -> SessionArray:
    """Return the later of the announcement of the month's phase and the 1st of the month after next."""
    begins, announced = _phases(rule)
    phase = np.searchsorted(begins, reference.astype("datetime64[M]"), side="right")
    known: SessionArray = np.maximum(np.append(np.datetime64(date.min, "D"), announced)[phase], _after_next(reference))
    return known


def _phases(rule: Release) -> tuple[SessionArray, SessionArray]:
    """Return the first month of each phase, the one after its turn, and the day the turn was announced."""
    begins = np.array([month for month, _ in rule.turns], dtype="datetime64[M]") + 1
    return begins, np.array([day for _, day in rule.turns], dtype="datetime64[D]")


def _after_next(reference: SessionArray) -> SessionArray:
    return (reference.astype("datetime64[M]") + 2).astype("datetime64[D]")


_RULES: Final[Mapping[str, Callable[[Release, SessionArray], SessionArray]]] = {
    "same_day": _same_day,
    "weekdays": _weekdays,
    "business_days": _business_days,
    "days": _days,
    "next_week": _next_week,
    "month": _month,
    "employment_situation": _employment_situation,
    "turns": _turns,
}

KNOWN_SERIES: Final[tuple[str, ...]] = tuple(_releases())
"""Every series with a known release lag, sorted."""
