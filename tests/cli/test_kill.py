"""`apex import` and `apex fetch` killed at random, two processes at once: nothing acknowledged is lost."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from openapex.sessions import sessions_between
from openapex.store import Store

DAYS = sessions_between(date(2015, 1, 2), date(2024, 6, 28))


def write_prices(path: Path, round_: int, writer: int) -> list[str]:
    """Write a CSV of 12 symbols whose last close tells the round; both writers share four of them."""
    names = [f"SHARED{i}" for i in range(4)] + [f"W{writer}R{round_}S{i}" for i in range(8)]
    price = pl.Series([100.0] * (len(DAYS) - 1) + [100.0 + round_ / 100])
    columns = {name: price for name in ("open", "high", "low", "close")}
    frames = [pl.DataFrame({"date": DAYS, "symbol": [name] * len(DAYS), **columns, "volume": 1e6}) for name in names]
    pl.concat(frames).write_csv(path)
    return names


def fetched(round_: int) -> list[str]:
    """Return the simulated symbols that a round's `apex fetch` asks for."""
    return [f"TEC{1 + (round_ * 5 + i) % 38:02}" for i in range(5)]


def start(home: Path, *words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "openapex.cli", *words, "--json"]
    env = os.environ | {"APEX_HOME": str(home)}
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def kill_rounds(tmp_path: Path, n_rounds: int) -> int:
    """Return how many imports were acknowledged; asserts after each round that all of them are held."""
    rng = random.Random(n_rounds)
    home = tmp_path / "home"
    acknowledged: dict[str, float] = {}
    simulated: set[str] = set()
    n_acknowledged = 0
    for round_ in range(n_rounds):
        paths = [tmp_path / f"{writer}.csv" for writer in (0, 1)]
        names = [write_prices(path, round_, writer) for writer, path in enumerate(paths)]
        words = [["import", str(path)] for path in paths]
        if round_ % 2:  # in turn: two imports, and an import beside a fetch
            names[1] = fetched(round_)
            words[1] = ["fetch", *names[1], "--source", "demo"]
        running = [start(home, *command) for command in words]
        time.sleep(rng.uniform(0.15, 1.2))  # the kill must fall anywhere between start and end
        victim = rng.choice(running)
        victim.send_signal(signal.SIGKILL)
        for process, symbols in zip(running, names, strict=True):
            out, err = process.communicate(timeout=120)
            if process.returncode == 0:
                assert sorted(json.loads(out)["stored"]) == sorted(symbols)
                if symbols[0].startswith("TEC"):
                    simulated |= set(symbols)
                else:
                    acknowledged |= dict.fromkeys(symbols, 100.0 + round_ / 100)
                n_acknowledged += 1
            else:
                assert process is victim, err
        store = Store(home)
        assert store.verify() == ()
        if acknowledged:
            last = store.read(list(acknowledged)).bars.filter(pl.col("session") == DAYS[-1].item())
            held = dict(last.select("symbol", "close").iter_rows())
            assert all(held[name] >= close for name, close in acknowledged.items())
        assert simulated <= set(store.symbols("demo") if simulated else ())
    return n_acknowledged


def test_kill_minus_9_three_times(tmp_path: Path) -> None:
    assert kill_rounds(tmp_path, 3) >= 3


@pytest.mark.slow
def test_kill_minus_9_fifty_times(tmp_path: Path) -> None:
    n_acknowledged = kill_rounds(tmp_path, 50)
    assert 50 <= n_acknowledged < 100, "some must be killed in time, and the other process must always end well"


def test_ctrl_c_leaves_nothing_half_written(tmp_path: Path) -> None:
    write_prices(tmp_path / "0.csv", 1, 0)
    process = start(tmp_path / "home", "import", str(tmp_path / "0.csv"))
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode != 0 or "Traceback" not in err
    assert "Traceback" not in err
    assert Store(tmp_path / "home").verify() == ()
