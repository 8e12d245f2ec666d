"""The compiled run: its cache, its refusals, and what happens without Numba; its values are in the contract."""

import subprocess
import sys

import numpy as np
import pytest
from paths import inputs

from openapex.bars import Bars
from openapex.errors import ApexError, BadInput
from openapex.indicators import ATR, MACD, SMA, Indicator, interpreted, over_bars
from openapex.indicators import compiled as module
from openapex.indicators.compiled import compiled, compiled_over_bars, compiled_together
from openapex.indicators.step import step

CLOSE = inputs(SMA)
ONE = np.array([0, len(CLOSE[0])])


def test_importing_the_indicators_does_not_import_numba():
    code = "import sys, openapex.indicators; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_numba_the_error_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    module._numba.cache_clear()
    module._kernel.cache_clear()
    try:
        with pytest.raises(ApexError, match=r"numba is missing .*, must be installed"):
            compiled(SMA, CLOSE, ONE)
    finally:
        monkeypatch.undo()
        module._numba.cache_clear()


@pytest.mark.parametrize("offsets", [[0, 10], [1, 260], [0, 200, 100, 260], []])
def test_offsets_that_do_not_cover_the_columns_are_refused(offsets):
    with pytest.raises(BadInput, match="offsets is inconsistent, must be"):
        compiled(SMA, CLOSE, np.array(offsets, dtype=np.int64))


def test_columns_of_the_wrong_number_or_length_are_refused():
    with pytest.raises(BadInput, match="sma got 2 columns"):
        compiled(SMA, CLOSE * 2, ONE)
    with pytest.raises(BadInput, match="must be alike"):
        compiled_together([(SMA, {}), (ATR, {})], {"close": np.ones(4), "high": np.ones(3), "low": np.ones(3)}, ONE)


def test_a_bad_parameter_is_refused_before_anything_is_compiled():
    with pytest.raises(BadInput, match="window is 0, must be"):
        compiled(SMA, CLOSE, ONE, {"window": 0})


def test_one_kernel_serves_every_window_and_runs_of_the_same_indicator_stay_apart():
    jobs = [(SMA, {"window": 5}), (SMA, {"window": 50})]
    for (value,), (_, params) in zip(compiled_together(jobs, {"close": CLOSE[0]}, ONE), jobs, strict=True):
        np.testing.assert_array_equal(value, interpreted(SMA, CLOSE, params)[0])


def test_integer_and_strided_columns_are_accepted():
    wide = np.arange(80).reshape(40, 2)
    np.testing.assert_array_equal(
        compiled(SMA, [wide[:, 0]], np.array([0, 40]))[0], interpreted(SMA, [wide[:, 0].astype(float)])[0]
    )


def test_bars_of_two_symbols_give_the_same_compiled_and_interpreted():
    n = 60
    sessions = np.tile(np.datetime64("2024-01-01") + np.arange(n // 2), 2)
    prices = CLOSE[0][:n].copy()
    bars = Bars(("AAA", "BBB"), np.array([0, 30, n]), sessions, *[prices] * 6, np.zeros(n, dtype=bool))
    found, wanted = compiled_over_bars(MACD, bars, {"slow": 15}), over_bars(MACD, bars, {"slow": 15})
    assert list(found) == list(wanted)
    for name, values in found.items():
        np.testing.assert_array_equal(values, wanted[name])


FACTOR = 2.0


@step
def doubled_step(state: float, close: float) -> tuple[float, float]:
    return close, FACTOR * close


DOUBLED = Indicator("doubled", ("close",), ("doubled",), {}, lambda: 0.0, doubled_step, lambda: 0, (1,))


def test_the_fingerprint_changes_with_a_constant_that_a_step_names(monkeypatch):
    before = module._fingerprint("", {doubled_step})
    assert module._fingerprint("", {doubled_step}) == before
    monkeypatch.setitem(doubled_step.__globals__, "FACTOR", 3.0)
    assert module._fingerprint("", {doubled_step}) != before


def test_the_fingerprint_changes_with_a_step_inside_a_step(monkeypatch):
    parts = set(module._parts(MACD))
    assert {part.__name__ for part in parts} == {"macd_start", "macd_step", "ema_start", "ema_step"}
    before = module._fingerprint("", parts)
    text = module._text
    monkeypatch.setattr(module, "_text", lambda f: text(f) + ("# changed" if f.__name__ == "ema_step" else ""))
    assert module._fingerprint("", parts) != before


def test_scenario_22_where_no_cache_can_be_written_it_compiles_without_one(monkeypatch):
    numba = module._numba()
    njit = numba.njit

    def refuse(function, *, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available for file")
        return njit(function, **options)

    monkeypatch.setattr(numba, "njit", refuse)
    kernel = module._Kernel((DOUBLED,), module.every_bar_source((DOUBLED,)))
    assert not kernel.is_ready()
    told = []
    out = np.empty(3)
    module._run(kernel, told.append, (np.array([0, 3]), np.array([1.0, 2.0, 3.0]), out))
    assert out.tolist() == [2.0, 4.0, 6.0]
    assert told == ["doubled"]
    assert kernel.is_ready()
    module._run(kernel, told.append, (np.array([0, 3]), np.array([1.0, 2.0, 3.0]), out))
    assert told == ["doubled"]


def test_scenario_22_a_cache_that_fails_while_it_is_used_costs_one_warning():
    class Broken:
        title = "broken"
        calls = 0

        def __init__(self):
            self.function = self.fail

        def fail(self, *arguments):
            raise EOFError("Ran out of input")

        def forget_cache(self):
            self.function = self.work

        def work(self, out):
            out[:] = 1.0

    out = np.zeros(2)
    with pytest.warns(UserWarning, match=r"the cache of compiled indicators is unusable \(Ran out of input\)"):
        module._run(Broken(), None, (out,))
    assert out.tolist() == [1.0, 1.0]


SCRIPT = """
import sys, warnings
import numpy as np
from openapex.indicators import RSI
from openapex.indicators.compiled import compiled
told = []
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    value = compiled(RSI, [np.arange(30.0)], np.array([0, 30]), on_compile=told.append)[0][-1]
print(value, len(told), len([w for w in caught if "cache" in str(w.message)]))
"""


@pytest.mark.slow
def test_scenario_22_a_fresh_process_loads_the_cache_and_survives_a_corrupt_or_read_only_one(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))

    def run() -> list[str]:
        return subprocess.run([sys.executable, "-c", SCRIPT], check=True, capture_output=True, text=True).stdout.split()

    assert run() == ["100.0", "1", "0"]
    assert run() == ["100.0", "0", "0"]
    for damage in (b"", b"garbage", bytes(range(256))):
        for file in (tmp_path / "cache").rglob("*.nb*"):
            file.write_bytes(damage)
        assert run()[::2] == ["100.0", "1"]
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/proc/nowhere")
    assert run()[0] == "100.0"
