"""Warm `apex analyze` of one ticker against importing polars, rich and typer, whole processes, in one run."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.measured import Measured

BAR = 3.0
ROUNDS = 9
SHARED = Path(os.environ.get("APEX_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


def run() -> Iterator[Measured]:
    """Measure the simulated market, the store, and (where present) a real file; rounds are interleaved."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["APEX_HOME"] = home
        apex = [sys.executable, "-m", "openapex.cli"]
        imports = [sys.executable, "-c", "import polars, rich, typer"]
        cases = {"simulated market": [*apex, "analyze", "IWM", "--source", "demo"]}
        etfs = SHARED / "etf_daily.parquet"
        if etfs.is_dir() or etfs.exists():
            wanted = [part for name in ("IWM", "SPY", "QQQ") for part in ("-s", name)]
            subprocess.run([*apex, "import", str(etfs), *wanted], check=True, capture_output=True)
            cases["store"] = [*apex, "analyze", "IWM", "--offline"]
            cases["parquet file of 86 ETFs"] = [*apex, "analyze", "IWM", "--data", str(etfs)]
        else:
            print("no shared market data here: only the simulated market is measured", file=sys.stderr)
        times: dict[str, list[float]] = {name: [] for name in ("imports", *cases)}
        for _ in range(ROUNDS):
            times["imports"].append(_seconds(imports))
            for name, command in cases.items():
                times[name].append(_seconds(command))
    base = statistics.median(times["imports"])
    for name in cases:
        took = statistics.median(times[name])
        detail = f"median of {ROUNDS}: {took * 1e3:.0f} ms against {base * 1e3:.0f} ms"
        yield Measured(f"analyze IWM, {name}, against bare imports", took / base, BAR, detail)


def _seconds(command: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began
