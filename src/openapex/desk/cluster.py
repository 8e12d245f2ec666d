"""A scan on many machines: a table's symbols in parts, each scored where a Dask worker is, put together here.

A part is read by its worker, straight from the table; only its rows travel.  A part needs nothing but its own symbols'
bars and the benchmark's, so one that was lost with its worker is done again elsewhere, and the table is the same.
"""

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from openapex import __version__
from openapex.desk.bulk import Bulk
from openapex.desk.scan_table import Gathered, Rows, rows_of
from openapex.desk.universe import BENCHMARK, Universe
from openapex.errors import BadInput, NetworkError, UnreadableData
from openapex.score.model import model as scoring_model
from openapex.sources.file_bars import rows_of as file_rows
from openapex.sources.file_bars import symbol_column, symbols_held
from openapex.sources.file_bulk import long_table
from openapex.sources.tables import collected

if TYPE_CHECKING:
    from distributed import Client, Future

LEAST_SYMBOLS = 64
"""Symbols in a part, if there are as many: below that reading the table again costs more than it spreads."""
PARTS_A_THREAD = 4
"""Parts for each thread of the cluster: what a lost worker loses, and how evenly the end comes."""
CONNECT_SECONDS = 30.0
POLL_SECONDS = 1.0
PATIENCE_SECONDS = 60.0
"""How long a cluster without a single worker is waited for."""
ALONE = {"APEX_THREADS": "1", "POLARS_MAX_THREADS": "1"}
"""Environment of a worker that has a core to itself."""


@dataclass(frozen=True, slots=True)
class BarTable:
    """A long table of bars: a Parquet file, a folder or pattern of them, or one version of a Delta table.

    `path` is local or ``s3://``; credentials and endpoint of the latter come from the environment (``AWS_…``) of
    whoever reads, so none of them ever passes the scheduler.
    """

    path: str
    version: int | None = None

    @property
    def name(self) -> str:
        """Last word of the path."""
        return self.path.rstrip("/").rsplit("/", 1)[-1]

    def rows(self) -> pl.LazyFrame:
        """Return the rows, unread.

        Raises
        ------
        UnreadableData
            If it is no such table, or has no column of symbols.
        """
        options = _options(self.path)
        try:
            if self.version is not None:
                scan = pl.scan_delta(self.path, version=self.version, storage_options=options)
            else:
                scan = pl.scan_parquet(self.path, storage_options=options)
            names = scan.collect_schema().names()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise UnreadableData(f"{self.name} cannot be read as Parquet or Delta: {error}") from error
        if symbol_column(names) is None or {"basis", "simulated"} & set(names):
            raise UnreadableData(f"{self.name} has columns {names}, must be a table of bars with a column of symbols")
        return scan


@dataclass(frozen=True, slots=True)
class Task:
    """What every part of one scan is told."""

    table: BarTable
    model: str
    as_of: date | None
    now: datetime
    keep: int
    version: str = __version__


def bar_table(data: "str | Path | None") -> BarTable:
    """Return the table at a path; a Delta table as it stands now.

    Raises
    ------
    BadInput
        If nothing is there, or it is a CSV.
    """
    if data is None:
        raise BadInput("data is missing, must be a Parquet file or a Delta table that every worker can read")
    path = str(data)
    is_remote = "://" in path
    if not is_remote:
        local = Path(path).expanduser().resolve()
        if ("*" not in path and not local.exists()) or local.suffix.lower() == ".csv":
            raise BadInput(f"data is {path!r}, must be an existing Parquet file, a pattern, or a Delta table")
        path = str(local)
        if not (local / "_delta_log").is_dir():
            return BarTable(path)
    elif path.lower().endswith(".parquet") or "*" in path:
        return BarTable(path)
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        return BarTable(path, DeltaTable(path, storage_options=_options(path)).version())
    except (DeltaError, OSError) as error:
        raise UnreadableData(f"data is {str(data)!r}, must be a Delta table or end in .parquet: {error}") from error


def clustered(
    table: BarTable,
    asked: Universe | None,
    model: str,
    *,
    as_of: date | None,
    now: datetime,
    keep: int,
    scheduler: str | None,
    progress: Callable[[str], None],
) -> Gathered:
    """Return the rows of a universe, scored by the workers of a Dask cluster.

    Parameters
    ----------
    table : BarTable
        Where every worker reads from.
    asked : Universe or None
        None is all symbols of the table.
    scheduler : str or None
        Address of the scheduler; None starts one process a core on this machine.
    model, as_of, now, keep, progress
        As in `openapex.desk.scan.scan`.

    Raises
    ------
    BadInput
        If the extra ``cluster`` is not installed, here or on a worker, or a worker has another version of openapex.
    NetworkError
        If the scheduler cannot be reached, or no worker is left.
    """
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise BadInput("engine is 'dask', must be installed first: pip install 'openapex[cluster]'") from error
    held = symbols_held(table.rows(), table.name)
    task = Task(table, model, as_of, now, keep)
    with _client(scheduler) as client:
        n_threads = sum(_threads(client).values())
        parts = parted(held, asked, n_threads)
        progress(f"{len(parts)} parts on {n_threads} threads")
        rows = _gathered(client, [client.submit(score_part, task, part, pure=False) for part in parts], progress)
        n_workers = len(_threads(client))
    origin = f"files:{table.name}"
    version = None if table.version is None else f"delta version {table.version}"
    engine = f"dask, {n_workers} workers, {len(parts)} parts"
    return Gathered(_counted_once(rows, BENCHMARK in held), origin, version, False, engine)


def parted(held: Sequence[str], asked: Universe | None, n_threads: int) -> list[Universe]:
    """Return the wanted symbols of a table in parts; the benchmark, which every part reads too, is the first alone."""
    wanted = list(held) if asked is None else [name for name in asked.symbols if name in set(held)]
    sectors: Mapping[str, str] = asked.sectors if asked else {}
    others = [name for name in wanted if name != BENCHMARK]
    size = max(LEAST_SYMBOLS, math.ceil(len(others) / max(1, PARTS_A_THREAD * n_threads)))
    groups = [others[at : at + size] for at in range(0, len(others), size)]
    if BENCHMARK in held:
        groups.insert(0, [BENCHMARK] if BENCHMARK in wanted else [])
    return [
        Universe("part", tuple(names), {name: sectors[name] for name in names if name in sectors}) for names in groups
    ]


def score_part(task: Task, part: Universe) -> Rows:
    """Return the rows of one part; runs on a worker.

    Raises
    ------
    BadInput
        If the worker has another version of openapex than the caller.
    """
    if task.version != __version__:
        raise BadInput(f"openapex on a worker is {__version__}, must be {task.version} as at the caller")
    names = [*part.symbols, *(() if BENCHMARK in part.symbols else (BENCHMARK,))]
    rows = collected(file_rows(task.table.rows(), names), task.table.name)
    found = long_table(rows, task.table.name, task.as_of)
    bulk = Bulk(f"files:{task.table.name}", False, "split_adjusted", found.bars, later=found.later, runs=found.runs)
    return rows_of(
        [bulk], part, scoring_model(task.model), as_of=task.as_of, now=task.now, keep=task.keep,
        progress=lambda text: None,
    )  # fmt: skip


def _counted_once(rows: Sequence[Rows], has_benchmark: bool) -> tuple[Rows, ...]:
    """Return the rows with the benchmark's bars counted in the first part alone."""
    if not has_benchmark:
        return tuple(rows)
    first, *others = rows
    return (
        first,
        *(
            replace(part, n_bars=part.n_bars - first.n_bars, n_quarantined=part.n_quarantined - first.n_quarantined)
            for part in others
        ),
    )


@contextmanager
def _environment_kept() -> Iterator[None]:
    """Leave the environment as it was: a nanny writes what its worker shall inherit into its own process."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


@contextmanager
def _client(scheduler: str | None) -> "Iterator[Client]":
    """Yield a client of the scheduler, or of a process a core on this machine."""
    from distributed import Client, LocalCluster

    if scheduler is None:
        with (
            _environment_kept(),
            LocalCluster(n_workers=os.cpu_count(), threads_per_worker=1, dashboard_address=None, env=ALONE) as cluster,
            Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = Client(scheduler, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise NetworkError(f"scheduler is {scheduler!r}, cannot be reached: {error}") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except TimeoutError as error:
            raise NetworkError(f"scheduler is {scheduler!r}, has no worker after {CONNECT_SECONDS:.0f} s") from error
        yield client


def _gathered(client: "Client", futures: "list[Future]", progress: Callable[[str], None]) -> list[Rows]:
    """Wait for the parts, in order; as long as there is a worker, or one may yet come."""
    from concurrent.futures import CancelledError

    from distributed import KilledWorker, wait

    pending, alive = set(futures), time.monotonic()
    try:
        while pending:
            progress(f"{len(futures) - len(pending)} of {len(futures)} parts scored")
            with suppress(TimeoutError):
                pending = wait(pending, timeout=POLL_SECONDS, return_when="FIRST_COMPLETED").not_done
            alive = time.monotonic() if _threads(client) else alive
            if time.monotonic() - alive > PATIENCE_SECONDS:
                raise NetworkError(f"no worker is left for {len(pending)} of {len(futures)} parts")
        found: list[Rows] = client.gather(futures)
    except (KilledWorker, CancelledError, OSError) as error:
        raise NetworkError(
            f"the cluster was lost with {len(pending)} of {len(futures)} parts to come: {error}"
        ) from error
    except ImportError as error:
        raise BadInput(f"openapex is missing on a worker, must be installed there: {error}") from error
    return found


def _threads(client: "Client") -> dict[str, int]:
    found: dict[str, int] = client.nthreads()
    return found


def _options(path: str) -> dict[str, Any] | None:
    """Return what object storage needs from the environment; None for a local path."""
    if "://" not in path:
        return None
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
