"""Both error rates of the quality rules: planted faults that are found, alarms on clean series.

Usage: ``python benchmarks/quality.py PATH/etf_daily.parquet``.  Prints the tables of docs/data-quality.md and fails
when a rate misses its bar.
"""

import math
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime

import numpy as np
import polars as pl

from openapex.quality import Finding, examined
from openapex.sources.files import FilesSource

CLEAN = ("SPY", "QQQ", "DIA", "XLK", "TLT")
START, END = date(2012, 1, 1), date(2024, 12, 31)
NOW = datetime(2025, 1, 2, 12, tzinfo=UTC)
N_PLANTS = 200
PRICES = ("open", "high", "low", "close")
Plant = Callable[[dict[str, float]], dict[str, float]]

ONE_ROW: dict[str, tuple[str, float, Plant]] = {
    "close above high": ("bad_high_low", 1.0, lambda bar: {"close": bar["high"] * 1.005}),
    "high below low": ("bad_high_low", 1.0, lambda bar: {"high": bar["low"] * 0.999}),
    "price of 0": ("non_positive", 1.0, lambda bar: {"low": 0.0}),
    "infinite price": ("not_finite", 1.0, lambda bar: {"high": math.inf}),
    "missing close": ("missing_price", 1.0, lambda bar: {"close": None}),
    "negative volume": ("negative_volume", 1.0, lambda bar: {"volume": -bar["volume"]}),
    "zero volume": ("zero_volume_price_move", 1.0, lambda bar: {"volume": 0.0}),
    "volume / 1000": ("volume_out_of_proportion", 0.98, lambda bar: {"volume": bar["volume"] / 1000}),
    "volume / 300": ("volume_out_of_proportion", 0.95, lambda bar: {"volume": bar["volume"] / 300}),
    "volume / 100": ("volume_out_of_proportion", 0.0, lambda bar: {"volume": bar["volume"] / 100}),
    "high + 10 %": ("reverting_spike", 0.9, lambda bar: {"high": max(bar["open"], bar["close"]) * 1.10}),
    "high + 5 %": ("reverting_spike", 0.0, lambda bar: {"high": max(bar["open"], bar["close"]) * 1.05}),
    "close + 10 %": ("reverting_spike", 0.7, lambda bar: {"close": bar["close"] * 1.1, "high": bar["high"] * 1.1}),
    "one day x 100": ("split_like_jump", 0.98, lambda bar: {name: bar[name] * 100 for name in PRICES}),
    "one day x 4": ("split_like_jump", 0.8, lambda bar: {name: bar[name] * 4 for name in PRICES}),
    "one day x 1/2": ("split_like_jump", 0.8, lambda bar: {name: bar[name] / 2 for name in PRICES}),
}


def main(path: str) -> int:
    """Print both rates and the time for one symbol; return 1 when a bar is missed."""
    frames = [answer.bars for answer in FilesSource(path).fetch(CLEAN, start=START, end=END)]
    missed = found_rates(frames) + alarms(frames)
    whole = next(iter(FilesSource(path).fetch(["SPY"]))).bars
    times = [timed(whole) for _ in range(20)]
    print(
        f"\n{whole.height} bars of SPY: median {1e3 * float(np.median(times)):.1f} ms, best {1e3 * min(times):.1f} ms"
    )
    missed += ["time"] if min(times) > 0.015 else []
    print("missed: " + (", ".join(missed) or "none"))
    return 1 if missed else 0


def found_rates(frames: list[pl.DataFrame]) -> list[str]:
    """Plant each fault `N_PLANTS` times, one at a time, in random bars with a habit before them."""
    rng = np.random.default_rng(20240101)
    missed = []
    print(f"{'planted':>18}  {'rule':<26} found of n   (95 % interval)")
    for label, (rule, least, plant) in ONE_ROW.items():
        n_found = 0
        for _ in range(N_PLANTS):
            frame = frames[int(rng.integers(len(frames)))]
            row = int(rng.integers(64, frame.height - 1))
            part = frame[max(0, row - 130) : row + 8]
            at = row - max(0, row - 130)
            session = part["session"][at]
            n_found += any(f.rule == rule and f.session == session for f in judged(planted(part, at, plant)))
        low, high = wilson(n_found, N_PLANTS)
        print(f"{label:>18}  {rule:<26} {n_found:>3} of {N_PLANTS}   ({100 * low:.0f}-{100 * high:.0f} %)")
        missed += [label] if n_found < least * N_PLANTS else []
    return missed


def alarms(frames: list[pl.DataFrame]) -> list[str]:
    """Count findings on series taken as clean."""
    counted: Counter[tuple[str, str]] = Counter()
    for frame in frames:
        for finding in judged(frame):
            counted[finding.rule, finding.effect] += finding.n_bars
            print(f"  alarm: {finding.symbol} {finding.message}")
    n_bars = sum(frame.height for frame in frames)
    n_alarms = sum(counted.values())
    low, high = wilson(n_alarms, n_bars)
    print(f"alarms on {', '.join(CLEAN)}: {n_alarms} of {n_bars} bars ({1e4 * low:.1f}-{1e4 * high:.1f} per 10,000)")
    n_effects = sum(n for (_, effect), n in counted.items() if effect != "noted")
    print(f"of these with an effect: {n_effects}")
    return ["alarms"] * (n_alarms > n_bars / 1000) + ["effects on clean bars"] * (n_effects > 0)


def planted(frame: pl.DataFrame, row: int, plant: Plant) -> pl.DataFrame:
    values = plant(frame.row(row, named=True))
    at = pl.int_range(pl.len()) == row
    return frame.with_columns(
        pl.when(at).then(pl.lit(value, dtype=pl.Float64)).otherwise(pl.col(name)).alias(name)
        for name, value in values.items()
    )


def judged(frame: pl.DataFrame) -> tuple[Finding, ...]:
    return examined(frame, calendar="XNYS", now=NOW, as_of=frame["session"][-1]).findings


def timed(frame: pl.DataFrame) -> float:
    start = time.perf_counter()
    judged(frame)
    return time.perf_counter() - start


def wilson(n_hits: int, n: int) -> tuple[float, float]:
    share, z2 = n_hits / n, 1.96**2
    middle, half = share + z2 / (2 * n), 1.96 * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return (middle - half) / (1 + z2 / n), (middle + half) / (1 + z2 / n)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
