"""`apex scan` of thousands of symbols beside what others need for raw indicators alone, from disk to ranked table."""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.analyze import SHARED
from benchmarks.kernels import random_walks, seconds
from benchmarks.measured import Measured
from benchmarks.peers.agreement import TOLERANCE, disagreement
from benchmarks.peers.watched import Run, watched
from openapex.bars import Bars
from openapex.sessions import sessions_between

PEERS = (
    "talib_loop",
    "polars_talib_expressions",
    "polars_expressions",
    "pandas_ta_classic_groups",
    "ta_groups",
)
BAR, MEMORY_BAR_GB, PER_BAR_BAR, COPIES_BAR = 1.0, 1.2, 1.2, 8.0
NO_BAR = float("inf")
ROUNDS, SIZE_ROUNDS = 10, 3
SLOW_SECONDS = 5.0
"""A peer that takes longer is run once only."""
SIZES = (500, 2_000, 8_000, 32_000)
N_BARS_EACH = 1_829
"""As many as in the shared file: seven years of sessions."""
WARM_ROUNDS, WARM_SECONDS = 5, 6.0
SIMULATED_UNIVERSE = (2_390, N_BARS_EACH)
"""Symbols, and bars of each, of the file that stands in where the shared one is absent: as many as there."""


def run() -> Iterator[Measured]:
    """Measure whole processes first: what this process holds in memory must not be theirs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["APEX_HOME"] = str(folder / "home")
        path = _prices(folder)
        apart, where = disagreement(PEERS, path, folder)
        agree = Measured(f"peers' differences / {TOLERANCE:g} of the value", apart, 1.0, f"worst: {where}")
        yield agree
        if not agree.holds:
            return  # nobody measures a wrong program
        yield from against_peers(path)
        yield from time_per_bar(folder)
    yield price_signals()


def against_peers(path: Path) -> Iterator[Measured]:
    """Yield ours against the fastest peer and its peak memory; and, for the reader, each peer against the fastest."""
    runs = rounds({"apex": scan_command(path)} | {name: _python(f"benchmarks.peers.{name}", path) for name in PEERS})
    ours, *others = (min(each, key=lambda run: run.seconds) for each in runs.values())
    fastest = min(run.seconds for run in others)
    n_bars = pl.scan_parquet(path).select(pl.len()).collect().item()
    for name, peer in zip(PEERS, others, strict=True):
        detail = f"best of {len(runs[name])}: {took(peer)}, {peer.peak_gb:.2f} GB"
        yield Measured(f"{name} / fastest peer", peer.seconds / fastest, NO_BAR, detail)
    told = json.loads(ours.printed)
    detail = f"best of {len(runs['apex'])}: {took(ours)}; {told['scored']} of {told['requested']} symbols scored"
    yield Measured("scan, whole process / fastest peer", ours.seconds / fastest, BAR, detail)
    peak = max(run.peak_gb for run in runs["apex"])
    yield Measured("scan, peak memory in GB", peak, MEMORY_BAR_GB, f"{n_bars:,} bars")


def took(run: Run) -> str:
    return f"{run.seconds:.2f} s ({run.cpu_seconds:.2f} s of processors)"


def rounds(commands: dict[str, list[str]]) -> dict[str, list[Run]]:
    """Return the runs of each command, interleaved: a busy machine only adds time, and adds it to all."""
    for command in list(commands.values())[:2]:
        watched(command)  # the compiler's cache and the file's pages are warm
    runs = {name: [watched(command)] for name, command in commands.items()}
    quick = [name for name in commands if runs[name][0].seconds <= SLOW_SECONDS or name == "apex"]
    for _ in range(1, ROUNDS):
        for name in quick:
            runs[name].append(watched(commands[name]))
    return runs


def time_per_bar(folder: Path) -> Iterator[Measured]:
    """Yield the slowest size's time per bar against the fastest's: warm, reading included, one process a size."""
    paths = {n: simulated(folder / f"{n}.parquet", n, N_BARS_EACH) for n in SIZES}
    best, peak = dict.fromkeys(SIZES, float("inf")), dict.fromkeys(SIZES, 0.0)
    for _ in range(SIZE_ROUNDS):
        for n, path in paths.items():
            done = watched(_python("benchmarks.scan", path))
            best[n] = min(best[n], float(done.printed) / (n * N_BARS_EACH))
            peak[n] = max(peak[n], done.peak_gb)
    words = [f"{n:,}: {best[n] * 1e9:.0f} ns, {peak[n]:.2f} GB" for n in SIZES]
    ratio = max(best.values()) / min(best.values())
    detail = f"symbols of {N_BARS_EACH:,} bars: " + "; ".join(words)
    yield Measured("scan, time per bar, slowest / fastest size", ratio, PER_BAR_BAR, detail)


def scan_seconds(path: str) -> float:
    """Return the best time of a warm scan within this process."""
    from openapex.desk.scan import scan

    def once() -> object:
        return scan(data=path, top=10)

    once()
    once()
    taken: list[float] = []
    while len(taken) < WARM_ROUNDS or sum(taken) < WARM_SECONDS:  # small universes many times: best of as long a time
        taken.append(seconds(once))
    return min(taken)


def price_signals() -> Measured:
    """Return the time of all price signals and the composite over 10 M bars, in copies of the four input columns."""
    from openapex.score.model import model
    from openapex.score.panel import panel

    bars, chosen = _walked_bars(), model("apex")
    columns = [bars.high, bars.low, bars.close, bars.volume]
    panel(bars, chosen)
    best = copying = float("inf")
    for _ in range(ROUNDS):
        best = min(best, seconds(lambda: panel(bars, chosen)))
        copying = min(copying, seconds(lambda: [column.copy() for column in columns]))
    detail = f"{best * 1e3:.0f} ms against {copying * 1e3:.0f} ms, {len(bars) / 1e6:.0f} M bars"
    return Measured("price signals and composite / copying their inputs", best / copying, COPIES_BAR, detail)


def simulated(path: Path, n_symbols: int, n_bars: int) -> Path:
    """Write a universe of seeded random walks that ends on 2024-12-31, in the types of the shared file."""
    columns = random_walks(n_symbols, n_bars)
    sessions = sessions_between(date(1980, 1, 1), date(2024, 12, 31))[-n_bars:]
    names = pl.Series([f"S{i:05}" for i in range(n_symbols)])
    frame = pl.DataFrame({name: pl.Series(values, dtype=pl.Float32) for name, values in columns.items()})
    frame = frame.select(
        pl.Series("date", np.tile(sessions, n_symbols)),
        names.gather(np.repeat(np.arange(n_symbols, dtype=np.uint32), n_bars)).alias("symbol"),
        pl.col("close").alias("open"),
        "high",
        "low",
        "close",
        pl.col("close").alias("adj_close"),
        pl.col("volume").cast(pl.Int64),
    )
    frame.write_parquet(path, compression="lz4")
    return path


def scan_command(path: Path) -> list[str]:
    return _python("openapex.cli", "scan", "--data", path, "--top", "10", "--json")


def _python(module: str, *arguments: object) -> list[str]:
    return [sys.executable, "-m", module, *map(str, arguments)]


def _prices(folder: Path) -> Path:
    real = SHARED / "stocks_daily.parquet"
    return real if real.exists() else simulated(folder / "universe.parquet", *SIMULATED_UNIVERSE)


def _walked_bars() -> Bars:
    n_symbols, n_bars = 2_000, 5_000
    walks = random_walks(n_symbols, n_bars)
    sessions = sessions_between(date(1980, 1, 1), date(2024, 12, 31))[-n_bars:]
    close = walks["close"]
    return Bars(
        symbols=tuple(f"S{i:05}" for i in range(n_symbols)),
        offsets=np.arange(n_symbols + 1) * n_bars,
        sessions=np.tile(sessions, n_symbols),
        open=close,
        high=walks["high"],
        low=walks["low"],
        close=close,
        adj_close=close,
        volume=walks["volume"],
        provisional=np.zeros(len(close), dtype=np.bool_),
    )


if __name__ == "__main__":
    if len(sys.argv) == 2:
        print(scan_seconds(sys.argv[1]))
    else:
        missed = 0
        for measured in run():
            print(measured, flush=True)
            missed += not measured.holds
        sys.exit(missed > 0)
