"""Two processes write at once and are killed (-9) at random: what was acknowledged is there, and the store is sound."""

import contextlib
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from made import day

from openapex.store import Store

CHILD = Path(__file__).with_name("crash_child.py")


def killed_round(home, number, chance):
    """Let two children write until a random moment; return the days they were given receipts for."""
    children = [
        subprocess.Popen(
            [sys.executable, str(CHILD), str(home), str(number * 4000 + i), "2"], stdout=subprocess.PIPE, text=True
        )
        for i in (0, 1)
    ]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    for child in chance.sample(children, 2):
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=chance.uniform(0.0, 0.35))
        child.kill()
    lines = [line for child in children for line in child.communicate()[0].splitlines(keepends=True)]
    assert {child.returncode for child in children} == {-signal.SIGKILL}
    return {int(line.split()[0]) for line in lines if line.endswith("\n")}


def survives(home, n_rounds, seed):
    chance, acknowledged, store = random.Random(seed), set(), Store(home)
    for number in range(n_rounds):
        acknowledged |= killed_round(home, number, chance)
        assert store.verify() == ()
        for name in ("IWM", "SPY"):
            held = store.find(name)
            days = set(held.bars["session"]) if held else set()
            assert {day(n) for n in acknowledged} <= days
            assert held is None or set(held.actions["session"]) == days  # bars and actions of a delivery: both or none
        assert set(store.find_macro(["DGS2"]).frame["reference_date"]) == days  # of an ingest: all or nothing
    return acknowledged


def test_five_rounds_of_kill_lose_nothing_acknowledged(tmp_path):
    assert len(survives(tmp_path, 5, seed=1)) > 5


@pytest.mark.slow
def test_fifty_rounds_of_kill_lose_nothing_acknowledged(tmp_path):
    assert len(survives(tmp_path, 50, seed=2)) > 50


def test_two_processes_that_write_the_same_bucket_lose_no_row_of_each_other(tmp_path):
    children = [
        subprocess.Popen([sys.executable, str(CHILD), str(tmp_path), str(i), "2"], stdout=subprocess.PIPE, text=True)
        for i in (0, 1)
    ]
    acknowledged = set()
    for child in children:
        assert child.stdout.readline() == "ready\n"
    for child in children:
        acknowledged |= {int(child.stdout.readline().split()[0]) for _ in range(12)}
    store = Store(tmp_path)
    seen = [store.read("IWM").bars.height for _ in range(20)]  # a reader meanwhile sees whole versions, growing
    for child in children:
        child.kill()
        child.communicate()
    assert seen == sorted(seen)
    assert {day(n) for n in acknowledged} <= set(store.read("SPY").bars["session"])
    assert len(acknowledged) == 24
    assert store.verify() == ()
