"""Macro series as they were known: every value with the day it is about and the day it was published.

A value counts from the close of its `known_at`.  Statistics of several values (a 4-week mean, a change over three
months) are taken from what stood on that day, so a later revision changes nothing before it was published.
"""

from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import polars as pl

from openapex.bars import BoolArray, FloatArray, SessionArray
from openapex.context.causal import NAN, UNKNOWN, CodeArray, States, rows_known
from openapex.errors import UnreadableData


@dataclass(frozen=True, slots=True)
class Series:
    """Words and limits for one macro series: how it is called, its unit, and for how long a value may be carried.

    `max_age_days` counts from the reference date (for a month its first day): older is unknown, not "last value".
    """

    title: str
    unit: str
    cadence: str
    max_age_days: int


SERIES: Mapping[str, Series] = {
    "DGS2": Series("2-year Treasury yield", "%", "daily", 10),
    "DGS10": Series("10-year Treasury yield", "%", "daily", 10),
    "T10Y2Y": Series("10-year minus 2-year yield", "%", "daily", 10),
    "DFEDTARU": Series("Fed funds target, upper limit", "%", "daily", 10),
    "DFEDTAR": Series("Fed funds target (until 2008)", "%", "daily", 10),
    "DFF": Series("Effective fed funds rate", "%", "daily", 10),
    "FEDFUNDS": Series("Effective fed funds rate, monthly mean", "%", "monthly", 75),
    "BAMLH0A0HYM2": Series("High-yield spread (ICE BofA OAS)", "%", "daily", 10),
    "VIXCLS": Series("VIX", "points", "daily", 10),
    "ICSA": Series("Initial jobless claims", "claims a week", "weekly", 24),
    "PAYEMS": Series("Nonfarm payrolls", "thousand jobs", "monthly", 85),
    "UNRATE": Series("Unemployment rate", "%", "monthly", 85),
    "CFNAI": Series("Chicago Fed National Activity Index", "σ", "monthly", 100),
    "USREC": Series("NBER recession, as announced", "0/1", "monthly", 340),
    "DTWEXBGS": Series("Broad dollar index", "Jan 2006 = 100", "daily", 17),
    "S5TH": Series("S&P 500 stocks above their 200-day mean", "%", "daily", 7),
    "MMTH": Series("US stocks above their 200-day mean", "%", "daily", 7),
    "ADV": Series("NYSE advancing issues", "issues", "daily", 7),
    "DECL": Series("NYSE declining issues", "issues", "daily", 7),
    "MAHN": Series("NYSE new 52-week highs", "issues", "daily", 7),
    "MALN": Series("NYSE new 52-week lows", "issues", "daily", 7),
}
"""The series the weather is made of, by FRED's name; the last six come from a table of market breadth."""

BREADTH_SERIES = ("S5TH", "MMTH", "ADV", "DECL", "MAHN", "MALN")
"""Those of `SERIES` that no central bank publishes: they come from a table of market breadth."""
FRED_SERIES = tuple(name for name in SERIES if name not in BREADTH_SERIES)

LINE_SERIES = (
    "DGS2", "DFF", "DFEDTARU", "DFEDTAR", "FEDFUNDS", "BAMLH0A0HYM2", "VIXCLS", "ICSA", "PAYEMS", "CFNAI", "S5TH",
    "MMTH",
)  # fmt: skip
"""Those of `SERIES` that one line a topic is made of."""

COLUMNS = ("series", "reference_date", "known_at", "value")


@dataclass(frozen=True, slots=True, eq=False)
class Tail:
    """The last values of a series, as they stood on every day on which something about it became known.

    A day has one row, or one for each new reference date where it brought several.

    Parameters
    ----------
    known : array of datetime64[D], shape (n,)
        Days of publication, increasing.
    reference : array of datetime64[D], shape (n,)
        What the newest value then was about, increasing; on a day of revisions only, the same as in the row before.
    values : array of float, shape (n, window)
        The `window` values up to `reference` as they stood at the day's end, oldest first; NaN before the
        series begins.
    max_age_days : int
        Days from the reference date after which a value is unknown.
    oldest : array of datetime64[D], shape (n,)
        What the oldest of the `window` values was about; NaT before there are so many.
    """

    known: SessionArray
    reference: SessionArray
    values: FloatArray
    max_age_days: int
    oldest: SessionArray

    @classmethod
    def nothing(cls, window: int) -> "Tail":
        """Return the tail of a series of which nothing was ever published."""
        days = np.empty(0, dtype="datetime64[D]")
        return cls(days, days, np.empty((0, window)), 0, days)

    @property
    def newest(self) -> FloatArray:
        """The newest value of each publication, shape (n,)."""
        return self.values[:, -1]

    @property
    def is_new(self) -> BoolArray:
        """Where a value about a later reference date came, not only a revision, shape (n,)."""
        is_new: BoolArray = np.append(True, self.reference[1:] > self.reference[:-1])[: len(self.reference)]
        return is_new

    def carried(self, made: FloatArray) -> FloatArray:
        """Return numbers made one per new reference date (`is_new`) as they stand after every publication."""
        carried: FloatArray = made[np.cumsum(self.is_new) - 1]
        return carried

    def on(self, sessions: SessionArray, made: FloatArray | None = None) -> FloatArray:
        """Return what stood at the close of each session: `made` (one number per publication) or the newest value.

        NaN before the first publication and where the newest value was older than `max_age_days`.
        """
        rows = rows_known(self.known, sessions)
        if not len(self.known):
            return np.full(len(sessions), NAN)
        at = np.maximum(rows, 0)
        age = (sessions - self.reference[at]).astype(np.int64)
        is_known = (rows >= 0) & (age <= self.max_age_days)
        return np.where(is_known, (self.newest if made is None else made)[at], NAN)

    def states(self, sessions: SessionArray, codes: CodeArray, names: tuple[str, ...]) -> States:
        """Return states made one per new reference date (`is_new`) as they stand at the close of each session."""
        standing = self.on(sessions, self.carried(codes.astype(np.float64)))
        return States(sessions, np.nan_to_num(standing, nan=UNKNOWN).astype(np.int8), names)

    def history(self, sessions: SessionArray, made: FloatArray) -> FloatArray:
        """Return `made` (one per publication) of the new reference dates known on the last session, that one's last.

        Nothing where the newest value is too old then.
        """
        if not len(sessions) or np.isnan(self.on(sessions[-1:], np.zeros(len(self.known)))[0]):
            return np.empty(0)
        upto = int(rows_known(self.known, sessions[-1:])[0]) + 1
        return made[:upto][self.is_new[:upto]]


@dataclass(frozen=True, slots=True)
class Known:
    """The newest value of a series on a session: what it says, what it is about, since when it was known.

    `n_carried` counts those of the last 252 sessions on which no new value of the series became known and an older one
    was used.
    """

    series: str
    title: str
    unit: str
    value: float
    reference_date: date
    known_at: date
    age_days: int
    is_stale: bool
    as_published: bool
    n_carried: int


class Macro:
    """Macro series up to a day of knowledge.

    Parameters
    ----------
    frame : polars.DataFrame
        Columns series, reference_date, known_at, value, and where they differ or are known: as_published (else False),
        published_at (the day shown; else known_at, the day from which a value counts).

    Raises
    ------
    UnreadableData
        If a column is missing.

    Examples
    --------
    >>> day = date(2023, 10, 6)
    >>> rows = {"series": ["UNRATE"] * 2, "reference_date": [date(2023, 8, 1)] * 2, "value": [3.8, 3.7]}
    >>> macro = Macro(pl.DataFrame(rows | {"known_at": [date(2023, 9, 1), day]}))
    >>> macro.until(date(2023, 10, 1)).tail("UNRATE", 1).newest.tolist(), macro.tail("UNRATE", 1).newest.tolist()
    ([3.8], [3.8, 3.7])
    """

    def __init__(self, frame: pl.DataFrame) -> None:
        missing = [name for name in COLUMNS if name not in frame.columns]
        if missing:
            raise UnreadableData(f"macro frame has columns {frame.columns}, must also have {missing}")
        if "as_published" not in frame.columns:
            frame = frame.with_columns(as_published=pl.lit(False))
        if "published_at" not in frame.columns:
            frame = frame.with_columns(published_at="known_at")
        self.frame = frame
        self._tails: dict[tuple[str, int], Tail | None] = {}

    @classmethod
    def nothing(cls) -> "Macro":
        """Return a macro table without rows."""
        kinds = {"series": pl.String, "reference_date": pl.Date, "known_at": pl.Date, "value": pl.Float64}
        return cls(pl.DataFrame(schema=kinds))

    def until(self, day: date) -> "Macro":
        """Return what was known at the close of `day`."""
        return Macro(self.frame.filter(pl.col("known_at") <= day))

    @cached_property
    def _published(self) -> "dict[str, _Published]":
        """The published values of each series by day of publication, then reference date; gaps left out."""
        rows = self.frame.filter(pl.col("value").is_not_null() & pl.col("value").is_not_nan())
        if rows["series"].rle().struct.field("value").is_duplicated().any():  # a series in pieces: gathered, in order
            rows = rows.sort("series", maintain_order=True)
        known, reference = (rows[name].to_numpy().astype("datetime64[D]") for name in ("known_at", "reference_date"))
        value, flags = rows["value"].to_numpy(), rows["as_published"].fill_null(False).to_numpy()
        shown = rows["published_at"].to_numpy().astype("datetime64[D]")
        parts, first = {}, 0
        for run in rows["series"].rle().to_list():
            part = slice(first, first := first + run["len"])
            columns = (known[part], reference[part], value[part], flags[part], shown[part])
            order = np.lexsort((columns[1], columns[0]))  # by day of publication, then date; of equals as they came
            parts[str(run["value"])] = _Published(*(column[order] for column in columns))
        return parts

    def __contains__(self, series: str) -> bool:
        return self.tail(series, 1) is not None

    def tail(self, series: str, window: int) -> Tail | None:
        """Return the last `window` values as they stood on every day of publication, None for a series without any."""
        key = (series, window)
        if key not in self._tails:
            rows = self._published.get(series)
            limit = SERIES[series].max_age_days if series in SERIES else 10
            self._tails[key] = None if rows is None else rows.tail(window, limit)
        return self._tails[key]

    def on(self, series: str, sessions: SessionArray) -> FloatArray:
        """Return the newest value standing at the close of each day, NaN where there is none or it is too old."""
        return (self.tail(series, 1) or Tail.nothing(1)).on(sessions)

    def latest(
        self, series: str, day: date | None = None, *, since: date | None = None
    ) -> tuple[SessionArray, FloatArray]:
        """Return reference dates (from `since` on) and values as last known (by `day`), one each, oldest first."""
        rows = self._published.get(series)
        if rows is None:
            return np.empty(0, dtype="datetime64[D]"), np.empty(0)
        upto = len(rows.known) if day is None else int(np.searchsorted(rows.known, np.datetime64(day), side="right"))
        reference, value = rows.reference[:upto][::-1], rows.value[:upto][::-1]  # newest first
        if since is not None:
            is_asked = reference >= np.datetime64(since)
            reference, value = reference[is_asked], value[is_asked]
        days, at = np.unique(reference, return_index=True)
        return days, value[at]

    def known(self, names: Iterable[str], sessions: SessionArray) -> tuple[Known, ...]:
        """Return for each series that has a value the newest on the last of `sessions`."""
        found = (self._known(name, sessions) for name in names)
        return tuple(one for one in found if one is not None)

    def standing(self, name: str, sessions: SessionArray) -> Known | None:
        """Return the newest value of a series on the last of `sessions`, None where there is none or it is too old."""
        found = self._known(name, sessions)
        return None if found is None or found.is_stale else found

    def _known(self, name: str, sessions: SessionArray) -> Known | None:
        tail = self.tail(name, 1)
        if tail is None or not len(sessions):
            return None
        day = sessions[-1]
        row = int(rows_known(tail.known, sessions[-1:])[0])
        if row < 0:
            return None
        reference = tail.reference[row]
        age = int((day - reference).astype(np.int64))
        rows = self._published[name]
        at = int(np.flatnonzero((rows.reference == reference) & (rows.known <= day))[-1])
        words = SERIES.get(name, Series(name, "", "daily", 10))
        return Known(
            series=name,
            title=words.title,
            unit=words.unit,
            value=float(tail.newest[row]),
            reference_date=reference.item(),
            known_at=rows.shown[at].item(),
            age_days=age,
            is_stale=age > tail.max_age_days,
            as_published=bool(rows.as_published[at]),
            n_carried=_n_carried(tail, sessions[-253:]),
        )


def _n_carried(tail: Tail, sessions: SessionArray) -> int:
    """Return how many sessions but the first used a value that was already used on the session before."""
    is_used = ~np.isnan(tail.on(sessions))
    if len(sessions) < 253:
        sessions = np.append(sessions[:1] - 1, sessions)
    rows = rows_known(tail.known, sessions)
    return int(np.count_nonzero(is_used[-252:] & (rows[1:] == rows[:-1])))


@dataclass(frozen=True, slots=True, eq=False)
class _Published:
    """Every publication of one series by day it counts from, then reference; `shown` is the true day of publication."""

    known: SessionArray
    reference: SessionArray
    value: FloatArray
    as_published: BoolArray
    shown: SessionArray

    def tail(self, window: int, max_age_days: int) -> Tail:
        known, reference, value = self.known, self.reference, self.value
        if len(reference) < 2 or (reference[1:] > reference[:-1]).all():
            return _grown(known, reference, value, window, max_age_days)
        matters = _touches_tail(reference, window) | np.append(known[1:] != known[:-1], True)
        return _revised(known[matters], reference[matters], value[matters], window, max_age_days)


def _touches_tail(reference: SessionArray, window: int) -> BoolArray:
    """Return which publications are about one of the newest `window` dates then: older ones change no tail.

    A full vintage history repeats every old month on every release: 145,000 rows of CFNAI, of which 0.5 % matter.
    Where dates were not first published in their order, every row is kept.
    """
    _, first_row, rank = np.unique(reference, return_index=True, return_inverse=True)
    if (np.diff(first_row) < 0).any():
        return np.ones(len(reference), dtype=np.bool_)
    matters: BoolArray = rank > np.maximum.accumulate(rank) - window
    return matters


def _grown(known: SessionArray, reference: SessionArray, value: FloatArray, window: int, max_age_days: int) -> Tail:
    """Return the tail of a series that was never revised: plain windows."""
    padded = np.concatenate([np.full(window - 1, NAN), value])
    oldest = np.concatenate([np.full(window - 1, np.datetime64("NaT", "D")), reference])[: len(reference)]
    return Tail(known, reference, np.lib.stride_tricks.sliding_window_view(padded, window), max_age_days, oldest)


def _revised(known: SessionArray, reference: SessionArray, value: FloatArray, window: int, max_age_days: int) -> Tail:
    """Return the tail of a revised series: walk through the publications, keeping what stands."""
    standing: dict[int, float] = {}
    order: list[int] = []
    days: list[int] = []
    abouts: list[int] = []
    tails: list[list[float]] = []
    firsts: list[int | None] = []
    refs, pubs = reference.astype(np.int64).tolist(), known.astype(np.int64).tolist()
    last = len(pubs) - 1
    for i, (day, about, number) in enumerate(zip(pubs, refs, value.tolist(), strict=True)):
        if about not in standing:
            insort(order, about)
        standing[about] = number
        if i == last or pubs[i + 1] != day:
            first_new = bisect_right(order, abouts[-1]) if abouts else 0
            for end in range(min(first_new, len(order) - 1) + 1, len(order) + 1):
                newest = order[max(0, end - window) : end]
                days.append(day)
                abouts.append(newest[-1])
                firsts.append(newest[0] if len(newest) == window else None)
                tails.append([NAN] * (window - len(newest)) + [standing[one] for one in newest])
    known_on, about, oldest = (np.array(one, dtype="datetime64[D]") for one in (days, abouts, firsts))
    return Tail(known_on, about, np.array(tails), max_age_days, oldest)
