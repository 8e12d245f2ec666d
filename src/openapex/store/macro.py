"""Macro series out of the store: of one source or of all real ones united, cut at what was known.

Rows are held sorted by series, so a series is a slice; sources are weighed against each other by NumPy on one integer
per reference date.  Grouping and joining text instead took five times as long.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from openapex.store.files import read_files
from openapex.store.log import Snapshot
from openapex.store.merging import in_order
from openapex.store.reading import StoredMacro
from openapex.store.tables import TABLES

TABLE = TABLES["macro"]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOBODY = np.iinfo(np.int64).min
Integers = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Held:
    """Rows of one source, sorted; `dates` numbers each row's series and reference date, in the same order."""

    source: str
    rows: pl.DataFrame
    dates: Integers

    def filter(self, is_kept: Truths) -> "_Held":
        """Return some of the rows."""
        if is_kept.all():
            return self
        return _Held(self.source, self.rows.filter(pl.Series(is_kept)), self.dates[is_kept])

    @property
    def ranks(self) -> tuple[Integers, Integers]:
        """Each reference date once, and how well the source knows it.

        As published before guessed (negative); of sources that publish the last fetched, of those that guess the first.
        """
        starts = np.flatnonzero(np.diff(self.dates, prepend=self.dates[0] - 1))
        dates = self.dates[starts]
        is_published = np.logical_or.reduceat(self.rows["as_published"].to_numpy(), starts)
        first, last = np.minimum.reduceat(self.fetched, starts), np.maximum.reduceat(self.fetched, starts)
        return dates, np.where(is_published, last, -first)

    @property
    def fetched(self) -> Integers:
        """When each row arrived, in microseconds."""
        return self.rows["fetched_at"].to_physical().to_numpy()

    def latest(self, names: Sequence[str]) -> dict[str, datetime]:
        """Return when the latest row of each series arrived."""
        number = self.dates >> 32
        starts = np.flatnonzero(np.diff(number, prepend=-1))
        latest = np.maximum.reduceat(self.fetched, starts).tolist()
        return {
            names[i]: EPOCH + timedelta(microseconds=moment) for i, moment in zip(number[starts], latest, strict=True)
        }


def stored_macro(
    root: Path, snapshot: Snapshot, series: str | Sequence[str], source: str | None, end: date | None
) -> StoredMacro:
    """Return what is held of some series; see `Store.find_macro`."""
    names = sorted({series} if isinstance(series, str) else set(series))
    owners = snapshot.sources("macro") if source is None else (source,)
    parts = [_held(root, snapshot, owner, names, end, source is None) for owner in owners]
    parts = [part for part in parts if part.rows.height]
    if len(parts) > 1:
        parts = [part for part in _united(parts, end) if part.rows.height]
    sources: dict[str, tuple[str, ...]] = {}
    fetched_at: dict[str, datetime] = {}
    for part in parts:
        for name, latest in part.latest(names).items():
            sources[name] = tuple(sorted({*sources.get(name, ()), part.source}))
            fetched_at[name] = max(latest, fetched_at.get(name, latest))
    rows = _in_one(parts)
    return StoredMacro(
        frame=rows.select(**TABLE.border),
        sources=dict(sorted(sources.items())),
        simulated=any(part.rows["simulated"].any() for part in parts),
        fetched_at=dict(sorted(fetched_at.items())),
        version=snapshot.label,
    )


def _held(root: Path, snapshot: Snapshot, source: str, names: Sequence[str], end: date | None, is_real: bool) -> _Held:
    """Return what one source holds of some series; with `is_real` without simulated rows."""
    files = read_files(root, snapshot.select("macro", source))
    slices = list(_slices(files[0] if len(files) == 1 else in_order(files), names)) if files else []
    if not slices:
        return _Held(source, TABLE.schema.to_frame(), np.empty(0, np.int64))
    rows = pl.concat([part for _, part in slices])
    number = {name: i for i, name in enumerate(names)}
    order = np.repeat([number[name] for name, _ in slices], [part.height for _, part in slices]).astype(np.int64)
    days = rows["reference_date"].to_physical().to_numpy().astype(np.int64)
    held = _Held(source, rows, (order << 32) + days)
    if end is not None:
        held = held.filter((held.rows["known_at"] <= end).to_numpy())
    return held.filter(~held.rows["simulated"].to_numpy()) if is_real else held


def _slices(rows: pl.DataFrame, names: Sequence[str]) -> list[tuple[str, pl.DataFrame]]:
    """Return the rows of each of the sorted `names` that is in sorted rows."""
    column = rows["symbol"]
    wanted = pl.Series(names, dtype=pl.String)
    bounds = zip(column.search_sorted(wanted, "left"), column.search_sorted(wanted, "right"), strict=True)
    return [(name, rows.slice(low, high - low)) for name, (low, high) in zip(names, bounds, strict=True) if high > low]


def _united(parts: Sequence[_Held], end: date | None) -> list[_Held]:
    """Return of each source the rows that count.

    A reference date is taken whole from the source that knows it best.  Only if several sources guess it do they follow
    each other, as one source's fetches do: the first guess stands, another's differing one counts from its fetch.
    Judged by the rows of that date alone, so that what became known of other dates cannot change the choice.
    """
    ranks = [part.ranks for part in parts]
    whole, guesses = [], []
    for i, part in enumerate(parts):
        is_best, is_disputed = _standing(i, ranks)
        row = np.searchsorted(ranks[i][0], part.dates)
        whole.append(part.filter((is_best & ~is_disputed)[row]))
        guess = part.filter(is_disputed[row])
        is_first = is_best[np.searchsorted(ranks[i][0], guess.dates)]
        guesses.append(guess.rows.with_columns(source=pl.lit(part.source), date=guess.dates, is_first=is_first))
    return [*whole, *_in_turn(pl.concat(guesses), end)]


def _standing(i: int, ranks: Sequence[tuple[Integers, Integers]]) -> tuple[Truths, Truths]:
    """Return which reference dates source `i` knows best, and which it and others guess and nobody has as published."""
    dates, rank = ranks[i]
    is_best, strongest = np.ones(len(dates), dtype=np.bool_), np.full(len(dates), NOBODY)
    for j, (others, theirs) in enumerate(ranks):
        if i != j:
            at = np.minimum(np.searchsorted(others, dates), len(others) - 1)
            rival = np.where(others[at] == dates, theirs[at], NOBODY)
            is_best &= (rival < rank) | ((rival == rank) & (j < i))
            strongest = np.maximum(strongest, rival)
    return is_best, (rank < 0) & (strongest < 0) & (strongest > NOBODY)


def _in_turn(guesses: pl.DataFrame, end: date | None) -> list[_Held]:
    """Return by source the guesses of several for the same dates that tell news, each from the day it did."""
    if guesses.is_empty():
        return []
    fetched = pl.col("fetched_at").dt.date()
    known = pl.when("is_first").then("known_at").otherwise(pl.max_horizontal("known_at", fetched))
    rows = guesses.with_columns(known_at=known).sort("date", "known_at", "fetched_at", maintain_order=True)
    rows = rows.filter(pl.col("known_at") <= (end or date.max))
    rows = rows.filter(pl.col("fetched_at") >= pl.col("fetched_at").cum_max().over("date"))  # none after a newer one
    is_repeated = (pl.col("date") == pl.col("date").shift()) & pl.col("value").eq_missing(pl.col("value").shift())
    rows = rows.filter(pl.col("is_first") | ~is_repeated.fill_null(value=False))
    rows = rows.unique(["date", "known_at"], keep="last", maintain_order=True)
    return [
        _Held(str(source), part.drop("source", "date", "is_first"), part["date"].to_numpy())
        for (source,), part in rows.partition_by("source", as_dict=True, maintain_order=True).items()
    ]


def _in_one(parts: Sequence[_Held]) -> pl.DataFrame:
    """Return the rows of all parts, sorted."""
    if not parts:
        return TABLE.schema.to_frame()
    if len(parts) == 1:
        return parts[0].rows
    rows = pl.concat([part.rows.drop("simulated", "fetched_at") for part in parts], rechunk=True)
    dates = np.concatenate([part.dates for part in parts])
    return rows[np.lexsort((rows["known_at"].to_physical().to_numpy(), dates))]


def series_names(root: Path, snapshot: Snapshot, source: str | None) -> tuple[str, ...]:
    """Return the names of the series that are held: of one source, or of all real ones."""
    names = set[str]()
    for owner in snapshot.sources("macro") if source is None else (source,):
        for rows in read_files(root, snapshot.select("macro", owner)):
            names |= set(rows.filter(~pl.col("simulated") | (source is not None))["symbol"].unique())
    return tuple(sorted(names))
