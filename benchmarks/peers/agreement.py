"""Do the peers compute the same thing?  Asked before any of them is timed, so that nobody measures a wrong program."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.peers.printed import COLUMNS
from openapex.bars import FloatArray

N_SYMBOLS = 40
LEAST_BARS = 1_000
"""Bars after which it no longer shows how an average was seeded: 13/14 to the power of 1,000 is 1e-32."""
TOLERANCE = 1e-8
"""Of the value itself, or of the close for MACD, which crosses 0."""


def disagreement(peers: Sequence[str], path: Path, folder: Path) -> tuple[float, str]:
    """Return the largest difference between any two peers on clean symbols, in `TOLERANCE`, and where it was.

    `folder` takes the extract and what each peer wrote of it.
    """
    extract = folder / "clean.parquet"
    clean(path).write_parquet(extract)
    rows = {name: written(name, extract, folder / f"{name}.csv") for name in peers}
    first, *others = rows.values()
    scale = {name: first[name].abs().to_numpy() for name in COLUMNS}
    scale |= {name: scale["sma_50"] for name in ("macd", "macd_signal")}
    return max(apart(first, other, scale, who) for other, who in zip(others, list(rows)[1:], strict=True))


def clean(path: Path) -> pl.DataFrame:
    """Return `N_SYMBOLS` symbols, spread over the file, without a gap, a bar that did not trade or a short life."""
    bars = pl.scan_parquet(path).select("symbol", "high", "low", "close", "volume")
    faults = pl.any_horizontal(pl.col("high", "low", "close", "volume").is_null(), pl.col("volume") == 0)
    judged = bars.group_by("symbol").agg(faults.any().alias("is_faulty"), pl.len().alias("n_bars"))
    kept = judged.filter(~pl.col("is_faulty"), pl.col("n_bars") >= LEAST_BARS).select("symbol").sort("symbol").collect()
    names = kept["symbol"].gather_every(max(1, kept.height // N_SYMBOLS)).head(N_SYMBOLS)
    return bars.filter(pl.col("symbol").is_in(names.implode())).collect()


def written(peer: str, path: Path, csv: Path) -> pl.DataFrame:
    """Return what one peer, run as a process, says of every symbol."""
    command = [sys.executable, "-m", f"benchmarks.peers.{peer}", str(path), str(csv)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return pl.read_csv(csv, schema={"symbol": pl.String} | dict.fromkeys(COLUMNS, pl.Float64)).sort("symbol")


def apart(
    first: pl.DataFrame, other: pl.DataFrame, scale: Mapping[str, FloatArray], who: str
) -> tuple[float, str]:  # fmt: skip
    """Return the worst difference of two tables in `TOLERANCE`; infinite where one knows what the other does not."""
    if first["symbol"].to_list() != other["symbol"].to_list():
        return float("inf"), f"{who} has other symbols"
    worst = (0.0, "no difference")
    for name in COLUMNS:
        steps = np.abs(first[name].to_numpy() - other[name].to_numpy()) / (TOLERANCE * scale[name])
        at = int(np.argmax(np.nan_to_num(steps, nan=np.inf)))
        worst = max(worst, (float(np.nan_to_num(steps[at], nan=np.inf)), f"{name} of {first['symbol'][at]}, {who}"))
    return worst
