"""Warm `apex analyze` of one ticker against importing polars, rich and typer, whole processes, in one run.

The score alone (`--no-context`): what the context adds has its own bar, in benchmarks/context.py.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from benchmarks.measured import Measured
from openapex.adjust import adjusted
from openapex.sources.demo import DemoSource
from openapex.sources.source import Delivery

BAR = 3.0
SIMULATED_BAR = 4.0
"""For the simulated market, which is made anew in every process: 26 years of it, before the first signal."""
ROUNDS = 11
SYMBOLS = ("IWM", "SPY", "QQQ")
SHARED = Path(os.environ.get("APEX_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


def run() -> Iterator[Measured]:
    """Measure the store, a Parquet file and the simulated market; rounds are interleaved."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["APEX_HOME"] = folder
        apex = [sys.executable, "-m", "openapex.cli"]
        prices = _prices(Path(folder))
        wanted = [word for name in SYMBOLS for word in ("-s", name)]
        subprocess.run([*apex, "import", str(prices), *wanted], check=True, capture_output=True)
        commands = {
            "imports": [sys.executable, "-c", "import polars, rich, typer"],
            "store": [*apex, "analyze", "IWM", "--offline", "--no-context"],
            f"file {prices.name}": [*apex, "analyze", "IWM", "--data", str(prices), "--no-context"],
            "simulated market": [*apex, "analyze", "IWM", "--source", "demo", "--no-context"],
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(ROUNDS):
            for name, command in commands.items():
                times[name].append(_seconds(command))
    base = statistics.median(times.pop("imports"))
    for name, each in times.items():
        took = statistics.median(each)
        detail = f"median of {ROUNDS}: {took * 1e3:.0f} ms against {base * 1e3:.0f} ms"
        bar = SIMULATED_BAR if name == "simulated market" else BAR
        yield Measured(f"analyze IWM, {name}, against bare imports", took / base, bar, detail)


def _prices(folder: Path) -> Path:
    """Return the shared real prices, or where they are absent a file of simulated ones of the same shape."""
    real = SHARED / "etf_daily.parquet"
    if real.exists():
        return real
    path = folder / "simulated.parquet"
    answers = [answer for answer in DemoSource().fetch(SYMBOLS) if isinstance(answer, Delivery)]
    frames = [adjusted(answer.bars, answer.actions, answer.basis).bars for answer in answers]
    pl.concat(frames).rename({"session": "date"}).drop("provisional").write_parquet(path)
    return path


def _seconds(command: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began
