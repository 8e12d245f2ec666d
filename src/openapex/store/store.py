"""`Store`: the one door to what is kept on disk."""

import difflib
import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from openapex.errors import BadInput, UnknownSymbol
from openapex.store import reading
from openapex.store.delivered import Delivered
from openapex.store.digest import digest
from openapex.store.files import read_files
from openapex.store.log import Log, Snapshot
from openapex.store.merging import in_order
from openapex.store.reading import Stored, StoredMacro
from openapex.store.receipt import Problem, Receipt
from openapex.store.tables import TABLES, Kind

if TYPE_CHECKING:
    from openapex.store.window import Holding, Window

TABLE = "market"
"""Folder of the Delta table inside the home folder."""


def store_home() -> Path:
    """Return the folder that openapex keeps its data in: ``$APEX_HOME``, or the user's data folder."""
    given = os.environ.get("APEX_HOME")
    if given:
        return Path(given).expanduser()
    from platformdirs import user_data_dir

    return Path(user_data_dir("openapex", appauthor=False))


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What is held from one source.

    `first` and `last` are the sessions of its bars or, where it has none, the reference dates of its macro rows
    (`n_macro` rows in `n_series` series).
    """

    source: str
    simulated: bool
    n_symbols: int
    n_bars: int
    first: date
    last: date
    fetched_at: datetime
    n_series: int = 0
    n_macro: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "source": self.source, "simulated": self.simulated, "n_symbols": self.n_symbols, "n_bars": self.n_bars,
            "n_series": self.n_series, "n_macro": self.n_macro, "first": self.first.isoformat(),
            "last": self.last.isoformat(), "fetched_at": self.fetched_at.isoformat(),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """What the store holds.  `n_bytes` is all of its folder; `n_leftover_bytes` is what `Store.vacuum` could free."""

    home: Path
    version: str
    n_bytes: int
    n_leftover_bytes: int
    sources: tuple[SourceInfo, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "home": str(self.home), "version": self.version, "n_bytes": self.n_bytes,
            "n_leftover_bytes": self.n_leftover_bytes, "sources": [source.to_dict() for source in self.sources],
        }  # fmt: skip


class Store:
    """Bars, actions, headlines and facts of symbols, and macro series, in one versioned Delta table below `home`.

    Any number of processes may read and write at once: a reader sees one version from beginning to end, writers of
    different buckets follow each other, writers of the same bucket merge again.  What a returned receipt covers
    survives kill -9 and a power cut.

    Parameters
    ----------
    home : Path
        Folder of the store (see `store_home`); made at the first ingest.
    """

    def __init__(self, home: Path | str) -> None:
        self.home = Path(home)
        self._root = self.home / TABLE
        self._log = Log(self._root)

    def ingest(self, deliveries: Iterable[Delivered], *, now: datetime) -> Receipt:
        """Store what sources delivered.

        Idempotent: what is held already makes no commit, and order or batching cannot matter.  A revised row replaces
        the held one, which stays readable at its version; a provisional bar never replaces a settled one; nothing is
        ever deleted, so an empty delivery changes nothing.  A delivery whose prices mean something else (`basis`,
        `simulated`) than what the same source gave for the symbol before is refused, by name, in the receipt and its
        warnings; the others are stored.

        Parameters
        ----------
        deliveries : iterable of `openapex.sources.source.Delivery`
            Consumed once; at most `BATCH_ROWS` rows are held in memory, and each batch is one commit.
        now : datetime with time zone
            When they were fetched.

        Raises
        ------
        BadInput
            If `now` has no time zone or a source's name cannot be used in a path.
        StoreError
            If the folder cannot be written (disk full, read-only), naming it.
        CorruptStore
            If what is held fails its checksum.
        """
        from openapex.store.ingest import ingest  # reading must not pay for writing

        return ingest(self._root, deliveries, now)

    def read(
        self,
        symbols: str | Sequence[str],
        *,
        source: str | None = None,
        end: date | None = None,
        version: int | str | None = None,
    ) -> Stored:
        """Return what is held of some symbols.

        Parameters
        ----------
        symbols : str or sequence of str
            Spelled as ingested.
        source : str, optional
            Whose rows.  By default the real source that holds the most of them, then the one fetched last; simulated
            rows come only by name.
        end : date, optional
            Leave out what was not known at the close of this session: later bars and actions, facts known later, and
            headlines published after it.
        version : int or str, optional
            A version cited before, ``42`` or ``"store@42"``; by default the latest.

        Raises
        ------
        UnknownSymbol
            If a symbol is not held, with the nearest one that is.
        NoData
            If the version does not exist.
        CorruptStore
            If what is held fails its checksum.
        """
        names = [symbols] if isinstance(symbols, str) else list(dict.fromkeys(symbols))
        if not names:
            raise BadInput("symbols is empty, must name at least one")
        snapshot = self._log.snapshot(_number(version))
        found = self._bars(snapshot, names, source)
        held = set(found[1]["symbol"].unique().to_list()) if found else set()
        missing = [name for name in names if name not in held]
        if missing or found is None:
            raise UnknownSymbol(self._unknown(snapshot, missing, source))
        return reading.stored(self._root, snapshot, found[0], found[1], end)

    def find(
        self, symbol: str, *, source: str | None = None, end: date | None = None, version: int | str | None = None
    ) -> Stored | None:
        """Return what is held of a symbol as `read` does, or None where nothing is."""
        return self.find_each([symbol], source=source, end=end, version=version)[symbol]

    def find_each(
        self,
        symbols: Sequence[str],
        *,
        source: str | None = None,
        end: date | None = None,
        version: int | str | None = None,
    ) -> dict[str, Stored | None]:
        """Return what is held of each symbol, or None, all as of one version; each may come from another source."""
        snapshot = self._log.snapshot(_number(version))
        return {symbol: self._found(snapshot, symbol, source, end) for symbol in symbols}

    def _found(self, snapshot: Snapshot, symbol: str, source: str | None, end: date | None) -> Stored | None:
        found = self._bars(snapshot, [symbol], source)
        return reading.stored(self._root, snapshot, found[0], found[1], end) if found and found[1].height else None

    def _bars(self, snapshot: Snapshot, names: Sequence[str], source: str | None) -> tuple[str, pl.DataFrame] | None:
        if source is None:
            return reading.chosen_source(self._root, snapshot, names)
        return source, reading.held_bars(self._root, snapshot, source, names)

    def _unknown(self, snapshot: Snapshot, missing: Sequence[str], source: str | None) -> str:
        known = self._symbols(snapshot, source)
        near = difflib.get_close_matches(missing[0], known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else f" Get it with: apex fetch {missing[0]}"
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        where = f" from source {source!r}" if source else ""
        return f"symbol is {missing[0]!r}{more}, must be one of the {len(known)} stored in {self.home}{where}.{hint}"

    def find_macro(
        self,
        series: str | Sequence[str],
        *,
        source: str | None = None,
        end: date | None = None,
        version: int | str | None = None,
    ) -> StoredMacro:
        """Return what is held of some macro series, as it was known at the close of `end`.

        Parameters
        ----------
        series : str or sequence of str
            Names as ingested; one that is not held is left out.
        source : str, optional
            Whose rows.  By default all real sources are united: a reference date that several hold is taken from one
            that has its values as published; else the value fetched first stands, and one of another source that
            differs counts from the day it was fetched.
        end : date, optional
            Leave out what became known later: exactly as if it had never been stored.
        version : int or str, optional
            A version cited before, ``42`` or ``"store@42"``; by default the latest.

        Raises
        ------
        NoData
            If the version does not exist.
        CorruptStore
            If what is held fails its checksum.
        """
        from openapex.store.macro import stored_macro

        return stored_macro(self._root, self._log.snapshot(_number(version)), series, source, end)

    def windows(self, first: date, last: date, *, version: int | str | None = None) -> "tuple[Window, ...]":
        """Return the bars and actions of all real symbols between two days, one part a source, the largest first.

        `version` is one cited before, by default the latest.
        """
        from openapex.store.window import windows

        return windows(self._root, self._log.snapshot(_number(version)), first, last)

    def holdings(self, symbols: Sequence[str] | None = None, *, end: date | None = None) -> "tuple[Holding, ...]":
        """Return all that is held of many real symbols, by default of all, one part a source.

        Each symbol comes from the source that `find` would choose for it; bars and actions are cut at `end`.
        """
        from openapex.store.window import holdings

        return holdings(self._root, self._log.snapshot(), symbols, end)

    def series(self, source: str | None = None) -> tuple[str, ...]:
        """Return the names of the macro series, sorted: of one source, or of all real ones."""
        from openapex.store.macro import series_names

        return series_names(self._root, self._log.snapshot(), source)

    def symbols(self, source: str | None = None) -> tuple[str, ...]:
        """Return the symbols that have bars, sorted: of one source, or of all real ones."""
        return self._symbols(self._log.snapshot(), source)

    def _symbols(self, snapshot: Snapshot, source: str | None) -> tuple[str, ...]:
        wanted = [source] if source else snapshot.sources()
        parts = [
            self._rows_of(snapshot, "bars", name).select("symbol", "simulated").unique().collect() for name in wanted
        ]
        names = pl.concat(parts) if parts else pl.DataFrame(schema={"symbol": pl.String, "simulated": pl.Boolean})
        real = names if source else names.filter(~pl.col("simulated"))
        return tuple(real["symbol"].unique().sort().to_list())

    def _rows_of(self, snapshot: Snapshot, kind: Kind, source: str) -> pl.LazyFrame:
        paths = [self._root / file.path for file in snapshot.select(kind, source)]
        return pl.scan_parquet(paths, glob=False) if paths else pl.LazyFrame(schema=TABLES[kind].schema)

    def info(self) -> StoreInfo:
        """Return what is held, by source, and how much room it takes."""
        from openapex.store import space

        snapshot = self._log.snapshot()
        names = sorted({*snapshot.sources(), *snapshot.sources("macro")})
        sources = tuple(self._source_info(snapshot, name) for name in names)
        sizes = space.sizes_on_disk(self.home)
        alive = {self._root / file.path for held in snapshot.files.values() for file in held}
        data = [path for path in sizes if path.parent.name.startswith("bucket=")]
        leftover = sum(sizes[path] for path in data if path not in alive)
        return StoreInfo(self.home, snapshot.label, sum(sizes.values()), leftover, sources)

    def _source_info(self, snapshot: Snapshot, source: str) -> SourceInfo:
        kinds = (("bars", "session"), ("macro", "reference_date"))
        bars, macro = (
            self._rows_of(snapshot, kind, source).select(  # type: ignore[arg-type]
                n_names=pl.col("symbol").n_unique(),
                n=pl.len(),
                simulated=pl.col("simulated").any(),
                first=pl.col(day).min(),
                last=pl.col(day).max(),
                fetched_at=pl.col("fetched_at").max(),
            ).collect().row(0, named=True)
            for kind, day in kinds
        )  # fmt: skip
        dated = bars if bars["n"] else macro
        return SourceInfo(
            source=source, simulated=bars["simulated"] or macro["simulated"],
            n_symbols=bars["n_names"], n_bars=bars["n"], n_series=macro["n_names"], n_macro=macro["n"],
            first=dated["first"], last=dated["last"],
            fetched_at=max(part["fetched_at"] for part in (bars, macro) if part["n"]),
        )  # fmt: skip

    def verify(self) -> tuple[Problem, ...]:
        """Check every file against its checksum and every row against the store's rules; empty means sound.

        Files left behind by a killed process are no problem, only room (see `info`).
        """
        from openapex.store.checking import problems

        return problems(self._root)

    def vacuum(self, *, now: datetime, keep_days: float = 30.0, keep_versions: Collection[int] = ()) -> int:
        """Delete data files that no kept version uses, and those killed processes left; return the bytes given back.

        Parameters
        ----------
        now : datetime with time zone
            The present moment; files younger than a day are never taken.
        keep_days : float
            Every version that was the latest within so many days stays readable.
        keep_versions : collection of int
            Older versions that stay readable: those a report cites.

        Raises
        ------
        BadInput
            If `keep_days` is negative or `now` has no time zone.
        StoreError
            If a file cannot be deleted.
        """
        from openapex.store import space

        return space.vacuum(self._log, keep_days=keep_days, keep_versions=keep_versions, now=now)

    def content_hash(self, version: int | str | None = None) -> str:
        """Return a SHA-256 of all rows but for the moment they were fetched: equal stores have equal hashes."""
        snapshot = self._log.snapshot(_number(version))
        rows = (
            (kind, source, in_order(read_files(self._root, snapshot.select(kind, source))))
            for kind in TABLES
            for source in snapshot.sources(kind)
        )
        return digest(rows)


def _number(version: int | str | None) -> int | None:
    if version is None or isinstance(version, int):
        return version
    text = version.removeprefix("store@")
    if not text.isdecimal():
        raise BadInput(f"version is {version!r}, must be a number or like 'store@42'")
    return int(text)
