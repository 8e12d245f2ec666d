"""A scan on a Dask cluster says what a scan here says, also when a worker dies on the way."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from s3_server import Objects, object_store

from openapex.desk import cluster
from openapex.desk.cluster import BarTable, Task, bar_table, parted, score_part
from openapex.desk.scan import ScanReport, scan
from openapex.desk.scan_table import scored
from openapex.desk.universe import Universe
from openapex.errors import BadInput, NetworkError, UnknownName, UnreadableData
from openapex.indicators.kernels import threads_for
from openapex.sources.demo import DemoSource

NOW = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    """All of the simulated market as one long table; four symbols more that a scan must refuse."""
    demo = DemoSource()
    frames = [one.bars.drop("provisional") for one in demo.fetch(demo.symbols()) if hasattr(one, "bars")]
    whole = pl.concat(frames).rename({"session": "date"})
    spy = whole.filter(symbol="SPY")
    last = spy["date"].max()
    more = [
        spy.tail(5).with_columns(symbol=pl.lit("AYOUNG")),
        spy.head(900).with_columns(symbol=pl.lit("ZSTALE")),
        spy.tail(300).with_columns(symbol=pl.lit("QBROKEN"), open=pl.lit(-1.0), close=pl.lit(-1.0)),
        spy.filter(date=last).with_columns(symbol=pl.lit("NLATE")),
    ]  # fmt: skip
    return pl.concat([whole, *more]).sort("symbol", "date")


@pytest.fixture(scope="module")
def parquet(bars: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("table") / "market.parquet"
    bars.write_parquet(path, row_group_size=50_000)
    return path


def assert_alike(told: ScanReport, here: ScanReport) -> None:
    assert_frame_equal(told.table, here.table, check_exact=True)
    assert_frame_equal(told.hits, here.hits, check_exact=True)
    assert told.refused == here.refused
    keys = here.to_dict().keys() - {"seconds", "engine", "source", "version"}
    assert {key: told.to_dict()[key] for key in keys} == {key: here.to_dict()[key] for key in keys}
    assert told.engine.startswith("dask, ")


# --- without a cluster: the parts, and what they are put together to ---


@pytest.mark.parametrize("asked", [None, Universe("five", ("TEC01", "ZSTALE", "NOSUCH", "IWM", "AYOUNG"))])
def test_parts_put_together_are_the_whole(parquet: Path, asked: Universe | None) -> None:
    table = bar_table(parquet)
    held = table.rows().select(pl.col("symbol").unique().sort()).collect().to_series().to_list()
    parts = parted(held, asked, 2)
    task = Task(table, "apex", None, NOW, 10)
    made = scored(cluster._counted_once([score_part(task, part) for part in parts], True), asked)
    here = scan(None if asked is None else list(asked.symbols), data=parquet, now=NOW)
    assert_frame_equal(made.table.select(here.table.columns), here.table, check_exact=True)
    assert (made.refused, made.n_bars, made.n_requested) == (here.refused, here.n_bars, here.n_requested)
    assert {"Stale", "InsufficientHistory"} <= {one.cause for one in made.refused}


def test_every_symbol_is_in_one_part_and_the_benchmark_alone_in_the_first() -> None:
    names = [f"S{i:03}" for i in range(1000)]
    parts = parted([*names, "SPY"], None, 2)
    assert parts[0].symbols == ("SPY",)
    assert [name for part in parts[1:] for name in part.symbols] == names
    assert len(parts) == 1 + 8
    assert {len(part.symbols) for part in parts[1:]} == {125}
    assert len(parted(names, None, 64)) == 16  # never under 64 symbols but for the last


def test_of_an_asked_universe_only_what_is_held_is_sent_and_its_sectors() -> None:
    asked = Universe("u", ("B", "X", "A"), {"A": "Energy", "X": "Energy"})
    parts = parted(["A", "B", "C", "SPY"], asked, 2)
    assert [part.symbols for part in parts] == [(), ("B", "A")]
    assert parts[1].sectors == {"A": "Energy"}


def test_a_delta_table_is_pinned_to_the_version_it_had(bars: pl.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "delta"
    bars.filter(pl.col("symbol").is_in(["SPY", "IWM"])).write_delta(path)
    table = bar_table(path)
    bars.filter(symbol="TEC01").write_delta(path, mode="append")
    assert table.version == 0
    assert table.rows().select("symbol").unique().collect().height == 2
    assert bar_table(path).version == 1


def test_a_worker_of_another_version_is_refused_by_name(parquet: Path) -> None:
    task = Task(BarTable(str(parquet)), "apex", None, NOW, 10, version="0.0.1")
    with pytest.raises(BadInput, match=r"openapex on a worker is .*, must be 0\.0\.1"):
        score_part(task, Universe("part", ("IWM",)))


def test_without_the_extra_the_error_says_what_to_install(parquet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(BadInput, match=r"pip install 'openapex\[cluster\]'"):
        scan(data=parquet, engine="dask", now=NOW)


def test_named_errors(parquet: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'dask'"):
        scan(data=parquet, engine="dasc")
    with pytest.raises(BadInput, match="scheduler is 'tcp://x:1', must come with engine dask"):
        scan(data=parquet, scheduler="tcp://x:1")
    with pytest.raises(BadInput, match="data is missing"):
        scan(engine="dask")
    with pytest.raises(BadInput, match="source is 'demo'"):
        scan(engine="dask", source="demo")
    with pytest.raises(BadInput, match="must be an existing Parquet file"):
        scan(data=tmp_path / "no.parquet", engine="dask")
    (tmp_path / "bad.parquet").write_bytes(b"no table")
    with pytest.raises(UnreadableData, match=r"bad\.parquet cannot be read"):
        scan(data=tmp_path / "bad.parquet", engine="dask")
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "other.parquet")
    with pytest.raises(UnreadableData, match="must be a table of bars"):
        scan(data=tmp_path / "other.parquet", engine="dask")


# --- a real scheduler and two worker processes ---


@dataclass
class Processes:
    """A scheduler and two workers on this machine, each a process of its own, without a nanny to revive it."""

    address: str
    workers: list[subprocess.Popen[str]]
    scheduler: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)


def started(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "distributed.cli." + words[0], *words[1:]]
    env = os.environ | {"APEX_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=env)


def drained(process: subprocess.Popen[str]) -> None:
    threading.Thread(target=lambda: [None for _ in process.stderr or ()], daemon=True).start()


@pytest.fixture
def objects(bars: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Objects]:
    """An object store, named in the environment, that holds the market as a Parquet file and as a Delta table."""
    bars.write_parquet(tmp_path / "market.parquet", row_group_size=50_000)
    bars.write_delta(tmp_path / "market")
    with object_store(tmp_path) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def processes() -> Iterator[Processes]:
    scheduler = started("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
    address = next(
        found[0] for line in scheduler.stderr or () if (found := re.findall(r"tcp://127\.0\.0\.1:\d+", line))
    )  # fmt: skip
    drained(scheduler)
    workers = [started("dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard") for _ in range(2)]
    for worker in workers:
        next(line for line in worker.stderr or () if "Starting established connection" in line or "Registered" in line)
        drained(worker)
    yield Processes(address, workers, scheduler)
    for process in (*workers, scheduler):
        process.kill()
        process.wait()
        if process.stderr:
            process.stderr.close()


@pytest.mark.slow
def test_same_report_from_a_parquet_file_and_a_delta_table(
    parquet: Path, bars: pl.DataFrame, tmp_path: Path, processes: Processes
) -> None:
    here = scan(data=parquet, where="rsi < 60", now=NOW)
    told = scan(data=parquet, where="rsi < 60", now=NOW, engine="dask", scheduler=processes.address)
    assert_alike(told, here)
    assert told.source == here.source
    assert told.engine == "dask, 2 workers, 7 parts"
    bars.write_delta(tmp_path / "market")
    cut = date(2020, 3, 23)
    told = scan(data=tmp_path / "market", as_of=cut, now=NOW, engine="dask", scheduler=processes.address)
    assert_alike(told, scan(data=parquet, as_of=cut, now=NOW))
    assert told.version == "delta version 0"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["market.parquet", "market"])
def test_same_report_from_an_object_store(
    name: str, parquet: Path, objects: Objects, request: pytest.FixtureRequest
) -> None:
    address = request.getfixturevalue("processes").address  # workers inherit the store's address
    told = scan(data=f"s3://bucket/{name}", now=NOW, engine="dask", scheduler=address)
    assert_alike(told, scan(data=parquet, now=NOW))
    assert told.source == f"files:{name}"
    assert objects.n_asked > 10


@pytest.mark.slow
def test_an_object_store_that_refuses_or_has_no_such_table_is_named(objects: Objects) -> None:
    with pytest.raises(UnreadableData, match=r"no\.parquet cannot be read"):
        scan(data="s3://bucket/no.parquet", engine="dask", now=NOW)
    with pytest.raises(UnreadableData, match=r"must be a Delta table or end in \.parquet"):
        scan(data="s3://bucket/nothing", engine="dask", now=NOW)
    objects.status = 403
    for name in ("market.parquet", "market"):
        with pytest.raises(UnreadableData, match=f"{name}"):
            scan(data=f"s3://bucket/{name}", engine="dask", now=NOW)


@pytest.mark.slow
def test_a_worker_killed_on_the_way_costs_no_row(
    parquet: Path, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "LEAST_SYMBOLS", 2)
    monkeypatch.setattr(cluster, "PARTS_A_THREAD", 1000)
    here = scan(data=parquet, now=NOW)
    killed: list[str] = []

    def kill_one(text: str) -> None:
        found = re.match(r"(\d+) of (\d+) parts scored", text)
        if found and 2 <= int(found[1]) < int(found[2]) and not killed:
            os.kill(processes.workers[0].pid, signal.SIGKILL)
            processes.workers[0].wait()
            killed.append(text)

    told = scan(data=parquet, now=NOW, engine="dask", scheduler=processes.address, progress=kill_one)
    assert killed
    assert_alike(told, here)
    assert told.engine.startswith("dask, 1 workers")


@pytest.mark.slow
def test_without_any_worker_left_it_ends_with_a_named_error(
    parquet: Path, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "PATIENCE_SECONDS", 2.0)
    monkeypatch.setattr(cluster, "LEAST_SYMBOLS", 2)
    monkeypatch.setattr(cluster, "PARTS_A_THREAD", 1000)

    def kill_all(text: str) -> None:
        if text.startswith("1 of ") or text.startswith("2 of "):
            for worker in processes.workers:
                worker.kill()

    with pytest.raises(NetworkError, match="no worker is left for"):
        scan(data=parquet, now=NOW, engine="dask", scheduler=processes.address, progress=kill_all)


@pytest.mark.slow
def test_without_a_scheduler_processes_of_this_machine_do_it(parquet: Path) -> None:
    before = dict(os.environ)
    assert_alike(scan(data=parquet, now=NOW, engine="dask"), scan(data=parquet, now=NOW))
    assert dict(os.environ) == before  # a thread count meant for the workers would slow this process ever after


@pytest.mark.slow
def test_a_process_a_core_takes_one_thread() -> None:
    with cluster._client(None) as client:
        found = client.run(lambda: (threads_for(10**6), pl.thread_pool_size()))
    assert set(found.values()) == {(1, 1)}
    assert len(found) == os.cpu_count()


@pytest.mark.slow
def test_a_scheduler_that_is_not_there_is_named(parquet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1.0)
    with pytest.raises(NetworkError, match=r"scheduler is 'tcp://127\.0\.0\.1:9', cannot be reached"):
        scan(data=parquet, engine="dask", scheduler="tcp://127.0.0.1:9")
