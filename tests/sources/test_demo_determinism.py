"""The simulated market has the same bits everywhere, and its past does not know its future."""

import ast
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from demo_digest import digests
from polars.testing import assert_frame_equal

from openapex.sources import demo as package
from openapex.sources.demo import DemoSource
from openapex.sources.demo.draws import Draws
from openapex.sources.demo.market import Market
from openapex.sources.demo.source import SEED

HERE = Path(__file__).parent

PINNED = {
    "IWM": "70b3ecb16487fa809a877f34dd5cc4d2263a863d6276e108a811eb1d1fb1650c",
    "TLT": "1d6130826be2bd8dea3975fee8900bae32191f0a86266fced67f68fa00d390c2",
    "FIN08": "2eaab07979c0818cd9d9da2d11ba7e9a8f74036dcc3677b449c292dfeb771d13",
    "TEC40": "d7a676e4528492b7b693f278f8c53f4da25f4be5aed1450d5be13ec3995191af",
    "macro": "ce6dc1f3207ec9622ea5f6dd80f0ec9a69eee8e60979aeac7b59018d99add8a5",
}
"""Content of the market that every reader of the docs sees.  A change here is a change of all pictures and examples."""


def test_content_is_the_pinned_one():
    assert digests() == PINNED


def test_content_does_not_depend_on_cpu_features_threads_time_zone_or_locale():
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    switchable = " ".join(name for name in __cpu_dispatch__ if __cpu_features__.get(name))
    foreign = {
        "NPY_DISABLE_CPU_FEATURES": switchable,
        "OPENBLAS_CORETYPE": "Prescott",
        "OPENBLAS_NUM_THREADS": "1",
        "POLARS_MAX_THREADS": "1",
        "PYTHONHASHSEED": "7",
        "TZ": "Asia/Kathmandu",
        "LC_ALL": "tr_TR.UTF-8",
    }
    script = [sys.executable, str(HERE / "demo_digest.py")]
    printed = subprocess.run(script, env=os.environ | foreign, capture_output=True, text=True, check=True).stdout
    assert dict(line.split() for line in printed.splitlines()) == PINNED


def test_numpy_still_gives_the_words_of_the_published_philox():
    # Known-answer vector of Random123 1.14 (kat_vectors: philox4x64 10, counter 0, key 0); NumPy counts up first.
    words = np.random.Philox(key=0, counter=2**256 - 1).random_raw(4)
    assert [f"{word:016x}" for word in words.tolist()] == [
        "16554d9eca36314c",
        "db20fe9d672d0fdc",
        "d7e772cee186176b",
        "7e68b68aec7ba23b",
    ]


def test_only_operations_that_ieee_754_rounds_exactly_are_used():
    allowed = """
        abs add arange array asarray bool_ clip concatenate datetime64 flatnonzero float64 full int64 lib maximum
        minimum multiply ndarray ones random repeat rint searchsorted sqrt tile timedelta64 uint64 where zeros
    """
    for path in Path(package.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            where = f"{path.name}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "np":
                assert node.attr in allowed.split(), f"{where} uses np.{node.attr}"
            if isinstance(node, ast.Attribute):
                assert node.attr not in {"sum", "mean", "std", "var", "prod", "dot", "cumsum", "pow"}, where
            if isinstance(node, ast.ImportFrom) and node.module == "math":
                assert [name.name for name in node.names] == ["sqrt"], where
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow | ast.MatMult):
                operands = (node.left, node.right)
                assert all(isinstance(side, ast.Constant | ast.Attribute) for side in operands), where
                assert not any(isinstance(side, ast.Constant) and isinstance(side.value, float) for side in operands)


def test_normals_are_the_centred_sum_of_twelve_16_bit_integers():
    draws, key, n = Draws(3), "any", 5
    words = [int(word) for word in draws.words(key, 3 * n)]
    pieces = [[word >> shift & 0xFFFF for shift in (0, 16, 32, 48)] for word in words]
    by_hand = [(sum(sum(pieces[3 * i + j]) for j in range(3)) - 12 * 65535 // 2) / 65536 for i in range(n)]
    assert draws.normals(key, n).tolist() == by_hand


@pytest.mark.parametrize("kind", ["uniforms", "normals", "fat_tailed"])
def test_a_longer_draw_starts_with_the_shorter_one(kind: str):
    draw = getattr(Draws(1), kind)
    assert draw("x", 1000)[:100].tolist() == draw("x", 100).tolist()
    assert draw("x", 100).tolist() != draw("y", 100).tolist()


def test_draws_have_the_moments_they_promise():
    draws, n = Draws(2), 200_000
    for column, kurtosis in ((draws.normals("n", n), 2.9), (draws.fat_tailed("f", n), 5.62)):
        assert abs(column.mean()) < 4.0 / n**0.5
        assert column.var() == pytest.approx(1.0, abs=0.02)
        assert (column**4).mean() / column.var() ** 2 == pytest.approx(kurtosis, abs=0.4)
    assert draws.uniforms("u", n).mean() == pytest.approx(0.5, abs=0.003)


def test_a_symbol_does_not_depend_on_what_else_is_asked_or_in_which_order():
    alone = next(iter(DemoSource().fetch(["FIN08"])))
    *_, last = DemoSource().fetch(["TLT", "SPY", "TEC01", "FIN08"])
    for name in ("bars", "actions", "headlines", "facts"):
        assert_frame_equal(getattr(alone, name), getattr(last, name))


@pytest.mark.parametrize("last", [date(2008, 10, 10), date(2025, 2, 28)])
def test_the_past_is_the_same_when_the_market_ends_earlier(last: date):
    short = DemoSource()
    short._market = Market(Draws(SEED), last=last)
    for symbol in ("IWM", "HYG", "FIN08", "TEC01"):
        (whole,) = DemoSource().fetch([symbol], end=last)
        (part,) = short.fetch([symbol])
        assert_frame_equal(part.bars, whole.bars)
        assert_frame_equal(part.actions, whole.actions)
        assert_frame_equal(part.headlines, whole.headlines)
        by = ["field", "known_at"]
        assert_frame_equal(part.facts.sort(by), whole.facts.sort(by))


def test_macro_values_known_by_a_day_do_not_depend_on_later_days():
    last = date(2014, 6, 30)
    short = DemoSource()
    short._market = Market(Draws(SEED), last=last)
    known = pl.col("known_at") <= last
    assert_frame_equal(short.macro().filter(known), DemoSource().macro().filter(known))


def test_another_seed_is_another_history():
    one, other = (next(iter(DemoSource(seed).fetch(["IWM"]))).bars["close"] for seed in (1, 2))
    assert one.to_list() != other.to_list()
