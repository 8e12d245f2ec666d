"""What the context adds to `apex analyze`: whole processes on a folder of bars, macro series and breadth."""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from benchmarks.analyze import SHARED, SYMBOLS
from benchmarks.measured import Measured
from openapex.adjust import adjusted
from openapex.sources.demo import DemoSource
from openapex.sources.demo.universe import STOCKS
from openapex.sources.source import Delivery

BAR = 0.3
ROUNDS = 15
STOCK = "AAP"
LEFT_OUT = "without rotation, ATR, table of rate betas, HYG/IEF and stored stocks, which apex context adds"


def run() -> Iterator[Measured]:
    """Measure `analyze` with and without its context in interleaved rounds; the ratio is of what the context adds."""
    with tempfile.TemporaryDirectory() as made:
        is_real = (SHARED / "macro.parquet").exists() and (SHARED / "stocks_daily.parquet").exists()
        folder, stock = (SHARED, STOCK) if is_real else _simulated(Path(made))
        for symbol in ("IWM", "SPY", stock):
            command = [sys.executable, "-m", "openapex.cli", "analyze", symbol, "--data", str(folder)]
            times: dict[str, list[float]] = {"with": [], "without": []}
            for _ in range(ROUNDS):
                for name, more in (("without", ["--no-context"]), ("with", [])):
                    begin = time.perf_counter()
                    subprocess.run([*command, *more], check=True, capture_output=True)
                    times[name].append(time.perf_counter() - begin)
            both, alone = (statistics.median(times[name]) for name in ("with", "without"))
            detail = f"median of {ROUNDS}: {both * 1e3:.0f} ms against {alone * 1e3:.0f} ms, {LEFT_OUT}"
            yield Measured(f"context of {symbol} adds to analyze", both / alone - 1.0, BAR, detail)


def _simulated(folder: Path) -> tuple[Path, str]:
    """Write the simulated market as tables of the same shape, and name a stock in it."""
    source, stock = DemoSource(), next(iter(STOCKS))
    names = (*SYMBOLS, "HYG", "IEF", stock)
    answers = [answer for answer in source.fetch(names) if isinstance(answer, Delivery)]
    bars = pl.concat([adjusted(answer.bars, answer.actions, answer.basis).bars for answer in answers])
    bars.rename({"session": "date"}).drop("provisional").write_parquet(folder / "bars.parquet")
    source.macro().rename({"reference_date": "date"}).drop("as_published").write_parquet(folder / "macro.parquet")
    return folder, stock


if __name__ == "__main__":
    for measured in run():
        print(measured)
