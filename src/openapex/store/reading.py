"""Rows out of the store: of one source, at one version, cut at what was known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from openapex.adjust import Basis
from openapex.errors import BadInput
from openapex.sessions import ZONES, calendar_of, close_times, is_session, known_span
from openapex.store.files import read_files
from openapex.store.log import Snapshot
from openapex.store.merging import in_order
from openapex.store.tables import TABLES, Kind, bucket_of

SHOWN: tuple[Kind, ...] = ("bars", "actions", "headlines", "facts")
"""Kinds of rows that are read by symbol."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store holds of some symbols from one source, as delivered: never adjusted or repaired.

    Frames are in the schemas of `openapex.sources.source`, sorted by symbol and time.  `fetched_at` is when the latest
    of the bars arrived in their present form; `version` is what to cite and to pass to `Store.read` again.
    """

    symbols: tuple[str, ...]
    bars: pl.DataFrame
    actions: pl.DataFrame
    headlines: pl.DataFrame
    facts: pl.DataFrame
    source: str
    simulated: bool
    basis: Basis
    fetched_at: datetime
    version: str

    @property
    def symbol(self) -> str:
        """The symbol, when there is one.

        Raises
        ------
        BadInput
            If there are several.
        """
        if len(self.symbols) != 1:
            raise BadInput(f"symbol was asked of {len(self.symbols)} symbols, must be one")
        return self.symbols[0]


@dataclass(frozen=True, slots=True)
class StoredMacro:
    """What the store holds of some macro series, each from one or several sources.

    `frame` is in `MACRO_SCHEMA`, sorted by series, reference date and day it became known.  `sources` tells where the
    rows of each found series came from, `fetched_at` when the latest of them arrived in their present form; a series
    that is not held is in none of them.  `version` is what to cite and to pass to `Store.find_macro` again.
    """

    frame: pl.DataFrame
    sources: Mapping[str, tuple[str, ...]]
    simulated: bool
    fetched_at: Mapping[str, datetime]
    version: str


def held_bars(root: Path, snapshot: Snapshot, source: str, symbols: Sequence[str]) -> pl.DataFrame:
    """Return the stored bars of some symbols from one source, with provenance, sorted."""
    return _rows(root, snapshot, "bars", source, symbols)


def _rows(root: Path, snapshot: Snapshot, kind: Kind, source: str, symbols: Sequence[str]) -> pl.DataFrame:
    files = snapshot.select(kind, source, sorted({bucket_of(name, kind) for name in symbols}))
    parts = read_files(root, files, symbols)
    if not parts:
        return pl.DataFrame(schema=TABLES[kind].schema)
    return parts[0] if len(parts) == 1 else in_order(parts)


def chosen_source(root: Path, snapshot: Snapshot, symbols: Sequence[str]) -> tuple[str, pl.DataFrame] | None:
    """Return the real source that serves `symbols` best, with its bars; None where no real source has any.

    Best is: holds the most of them, then fetched last, then the latest session, then the name.
    """
    found = []
    for source in snapshot.sources():
        bars = held_bars(root, snapshot, source, symbols)
        if bars.height and not bars["simulated"].any():
            rank = (bars["symbol"].n_unique(), bars["fetched_at"].max(), bars["session"].max(), source)
            found.append((rank, source, bars))
    if not found:
        return None
    _, source, bars = max(found, key=lambda one: one[0])
    return source, bars


def stored(root: Path, snapshot: Snapshot, source: str, bars: pl.DataFrame, end: date | None) -> Stored:
    """Return all that is held of the symbols in `bars`, as it was known at the close of `end`."""
    symbols = tuple(bars["symbol"].unique().sort().to_list())
    frames = {kind: _rows(root, snapshot, kind, source, symbols) for kind in SHOWN if kind != "bars"}
    basis, simulated, fetched_at = (
        bars["basis"][0],
        bool(bars["simulated"][0]),
        bars.select(pl.col("fetched_at").max()).item(),
    )
    cut = _until(frames | {"bars": bars}, symbols, end)
    shown = {kind: cut[kind].select(list(TABLES[kind].delivered)) for kind in SHOWN}
    return Stored(
        symbols=symbols, **shown, source=source, simulated=simulated, basis=basis,
        fetched_at=fetched_at, version=snapshot.label,
    )  # fmt: skip


def _until(frames: dict[str, pl.DataFrame], symbols: Sequence[str], end: date | None) -> dict[str, pl.DataFrame]:
    if end is None:
        return frames
    headlines = frames["headlines"]
    if headlines.height:
        limits = pl.DataFrame(
            {"symbol": symbols, "limit": [known_by(name, end) for name in symbols]},
            schema={"symbol": pl.String, "limit": pl.Datetime("us", "UTC")},
        )
        dated = headlines.join(limits, on="symbol", how="left", maintain_order="left")
        headlines = dated.filter(pl.col("published_at") <= pl.col("limit")).drop("limit")
    return {
        "bars": frames["bars"].filter(pl.col("session") <= end),
        "actions": frames["actions"].filter(pl.col("session") <= end),
        "headlines": headlines,
        "facts": frames["facts"].filter(pl.col("known_at") <= end),
    }


def known_by(symbol: str, end: date) -> datetime:
    """Return the moment up to which news count as known on `end`: the close of the symbol's exchange, or the day's end.

    Examples
    --------
    >>> known_by("IWM", date(2024, 11, 29))                                   # a half day
    datetime.datetime(2024, 11, 29, 18, 0, tzinfo=datetime.timezone.utc)
    """
    calendar = calendar_of(symbol) or "XNYS"
    first, last = known_span(calendar)
    if first <= end <= last and is_session(end, calendar):
        close = close_times(np.array([end], dtype="datetime64[D]"), calendar)[0]
        return datetime.fromtimestamp(int(close.astype("datetime64[s]").astype(np.int64)), UTC)
    midnight = datetime.combine(end + timedelta(days=1), time(), ZoneInfo(ZONES[calendar]))
    return midnight.astimezone(UTC) - timedelta(microseconds=1)
