"""Scan a universe: every symbol scored as `analyze` would, ranked, filtered, and nothing dropped without a word."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from openapex.desk.bulk import bulk, data_path
from openapex.desk.days import day
from openapex.desk.frames import Columns
from openapex.desk.plain import plain
from openapex.desk.universe import BENCHMARK, Universe
from openapex.desk.universe import universe as named_universe
from openapex.errors import BadInput, UnknownName
from openapex.indicators.kernels import MissingCompiler, ready_to_run
from openapex.score.model import Model
from openapex.score.model import model as scoring_model
from openapex.screens import COLUMNS, DEFAULT, parsed
from openapex.screens import preset as named_preset
from openapex.signals.signal import EVENT_MEMORY

if TYPE_CHECKING:
    from openapex.desk.scan_table import Gathered, Refused

ENGINES = ("local", "dask")
NOT_COMPILED = "llvmlite is missing: interpreted, some 200 times slower; pip install llvmlite"


@dataclass(frozen=True, slots=True, eq=False)
class ScanReport:
    """A scanned universe: ``n_requested = n_scored + len(refused)``.

    Parameters
    ----------
    universe : str
        What was scanned.
    as_of, session : date
        Knowledge cut-off, and the latest bar used.
    simulated : bool
        True when the data is the simulated market.
    model : str
        Scoring model.
    table : polars.DataFrame
        One row for each scored symbol, all columns of `openapex.screens.COLUMNS`, before filter and sort.
    hits : polars.DataFrame
        The rows of `table` that pass the filter, sorted, the first `top`.
    columns : tuple of str
        Columns to show.
    n_hits : int
        Rows that pass the filter, before `top`.
    refused : tuple of Refused
        Every requested symbol that has no row.
    """

    universe: str
    as_of: date
    session: date
    simulated: bool
    model: str
    where: str | None
    preset: str | None
    sort: str
    table: pl.DataFrame
    hits: pl.DataFrame
    columns: tuple[str, ...]
    n_requested: int
    n_hits: int
    refused: "tuple[Refused, ...]"
    source: str
    version: str | None
    n_bars: int
    n_quarantined: int
    seconds: float
    is_compiled: bool
    warnings: tuple[str, ...]
    engine: str = "local"

    def first(self, top: int | None) -> "ScanReport":
        """Return the report with its first `top` hits; None is all of them."""
        return self if top is None else replace(self, hits=self.hits.head(top))

    @property
    def n_scored(self) -> int:
        """Symbols with a row."""
        return self.table.height

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types; unknown numbers are None, dates ISO text."""
        return {
            "universe": self.universe,
            "as_of": self.as_of.isoformat(),
            "session": self.session.isoformat(),
            "simulated": self.simulated,
            "model": self.model,
            "where": self.where,
            "preset": self.preset,
            "sort": self.sort,
            "requested": self.n_requested,
            "scored": self.n_scored,
            "hits": self.n_hits,
            "rows": [plain(row) for row in self.hits.iter_rows(named=True)],
            "refused": plain(self.refused),
            "source": self.source,
            "version": self.version,
            "bars": self.n_bars,
            "quarantined": self.n_quarantined,
            "seconds": round(self.seconds, 3),
            "compiled": self.is_compiled,
            "engine": self.engine,
            "warnings": list(self.warnings),
        }


def scan(
    universe: "str | Sequence[str] | None" = None,
    *,
    data: "str | Path | Columns | None" = None,
    source: str | None = None,
    where: str | None = None,
    preset: str | None = None,
    sort: str | None = None,
    top: int | None = None,
    columns: Sequence[str] | None = None,
    as_of: "date | str | None" = None,
    model: str = "apex",
    keep: int = EVENT_MEMORY,
    engine: str = "local",
    scheduler: str | None = None,
    now: datetime | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> ScanReport:
    """Score every symbol of a universe with the code of `analyze`, rank and filter.

    Parameters
    ----------
    universe : str or sequence of str, optional
        A file of tickers, an iShares holdings CSV, a named universe, or tickers; by default all that the data holds.
    data : path or frame, optional
        A CSV or Parquet file, a folder, or a Polars or pandas frame of many symbols; by default the store.
    source : {"files", "demo"}, optional
        The simulated market, or files.
    where : str, optional
        Filter in the grammar of docs/screens.md.
    preset : str, optional
        A named screen; `where` is then a further condition.
    sort : str, optional
        Column to sort by, with a leading ``-`` from the highest; by default ``-score`` or the preset's.
    top : int, optional
        Rows to keep; 0 is all.
    columns : sequence of str, optional
        Columns to show.
    as_of : date or ISO text, optional
        Knowledge cut-off.
    model : str, default "apex"
        Scoring model.
    keep : int, default `EVENT_MEMORY`
        Sessions back in which events count.
    engine : {"local", "dask"}, default "local"
        ``dask`` spreads the symbols of a Parquet file or Delta table over processes or machines (docs/scan.md).
    scheduler : str, optional
        Address of a Dask scheduler; without one, a process a core of this machine.
    now : datetime with time zone, optional
        The present moment, for tests.
    progress : callable, optional
        Told what is being done.

    Raises
    ------
    NoData
        If no symbol can be scored.
    BadInput
        If an argument breaks its rule (also an expression, a column, a preset).
    """
    begin = time.perf_counter()
    now, cut, chosen = now or datetime.now(UTC), day(as_of), scoring_model(model)
    screen = named_preset(preset) if preset is not None else None
    tests = ([screen.where] if screen else []) + ([parsed(where)] if where else [])
    order = sort or (("-" if screen.descending else "") + screen.sort if screen else "-score")
    _checked(order.removeprefix("-"), "sort")
    shown = tuple(columns or (screen.columns if screen else DEFAULT))
    for name in shown:
        _checked(name, "column")
    if top is not None and top < 0:
        raise BadInput(f"top is {top}, must be at least 1, or 0 for all")
    asked = asked_universe(universe)
    if engine == "dask":
        from openapex.desk.cluster import bar_table, clustered

        if source not in (None, "files"):
            raise BadInput(f"source is {source!r}, must be files with engine dask")
        if not isinstance(data, str | Path | None):
            raise BadInput(f"data is a {type(data).__name__}, must be the path of a table with engine dask")
        told = clustered(
            bar_table(data), asked, model, as_of=cut, now=now, keep=keep, scheduler=scheduler, progress=progress
        )
    else:
        _check_engine(engine, scheduler)
        told = _here(data, source, asked, chosen, as_of=cut, now=now, keep=keep, progress=progress)
    from openapex.desk.scan_table import scored

    made = scored(told.rows, asked)
    table = hits = made.table.select(list(COLUMNS))
    for test in tests:
        hits = test.filter(hits)
    hits = hits.sort(order.removeprefix("-"), "symbol", descending=[order.startswith("-"), False], nulls_last=True)
    return ScanReport(
        universe=asked.name if asked else "all",
        as_of=cut or made.session,
        session=made.session,
        simulated=told.simulated,
        model=chosen.name,
        where=where,
        preset=preset,
        sort=order,
        table=table,
        hits=hits.head(top) if top else hits,
        columns=shown,
        n_requested=made.n_requested,
        n_hits=hits.height,
        refused=made.refused,
        source=told.source,
        version=told.version,
        n_bars=made.n_bars,
        n_quarantined=made.n_quarantined,
        seconds=time.perf_counter() - begin,
        is_compiled=made.is_compiled,
        warnings=() if made.is_compiled else (NOT_COMPILED,),
        engine=told.engine,
    )


def _here(
    data: "str | Path | Columns | None",
    source: str | None,
    asked: Universe | None,
    chosen: Model,
    *,
    as_of: date | None,
    now: datetime,
    keep: int,
    progress: Callable[[str], None],
) -> "Gathered":
    """Return the rows of a universe, scored in this process."""
    wanted = None if asked is None else list(dict.fromkeys((*asked.symbols, BENCHMARK)))
    progress("reading")
    path = data_path(data)
    with ThreadPoolExecutor(1) as aside:
        reading = aside.submit(bulk, wanted, source=source, data=path, as_of=as_of, now=now, progress=progress)
        from openapex.desk.scan_table import Gathered, rows_of  # 0.1 s that fit beside the reading

        with suppress(MissingCompiler):  # then the scan is interpreted, and says so
            ready_to_run()

        parts = reading.result()
    rows = rows_of(parts, asked, chosen, as_of=as_of, now=now, keep=keep, progress=progress)
    origin = ", ".join(dict.fromkeys(part.source for part in parts))
    version = next((part.version for part in parts if part.version), None)
    return Gathered((rows,), origin, version, any(part.simulated for part in parts))


def asked_universe(spec: "str | Sequence[str] | None") -> Universe | None:
    """Return the universe that was asked for, None for all that the data holds."""
    if spec is None:
        return None
    if isinstance(spec, str):
        return named_universe(spec)
    if not all(isinstance(name, str) for name in spec):
        raise BadInput(f"universe is a {type(spec).__name__}, must be tickers; bars are passed as data=")
    names = tuple(dict.fromkeys(name.upper() for name in spec))
    if not names:
        raise BadInput("universe is empty, must name at least one ticker")
    return Universe(f"{len(names)} tickers", names)


def _check_engine(engine: str, scheduler: str | None) -> None:
    if engine not in ENGINES:
        raise UnknownName("engine", engine, ENGINES)
    if scheduler is not None:
        raise BadInput(f"scheduler is {scheduler!r}, must come with engine dask")


def _checked(name: str, what: str) -> None:
    if name not in COLUMNS:
        raise UnknownName(what, name, COLUMNS)
