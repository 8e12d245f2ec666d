"""The compiled run: kernels on disk, refusals, and what happens without a compiler; its values are in the contract."""

import os
import subprocess
import sys

import numpy as np
import pytest
from paths import inputs

from openapex.bars import Bars
from openapex.errors import ApexError, BadInput
from openapex.indicators import ATR, MACD, SMA, Indicator, interpreted, kernels, lanes, over_bars
from openapex.indicators import compiled as module
from openapex.indicators.compiled import compiled, compiled_over_bars, compiled_together
from openapex.indicators.step import step

CLOSE = inputs(SMA)
ONE = np.array([0, len(CLOSE[0])])


@pytest.fixture
def kernels_in(tmp_path, monkeypatch):
    """An empty folder for kernels, and no kernel loaded."""
    monkeypatch.setenv("APEX_KERNELS", str(tmp_path / "kernels"))
    monkeypatch.setattr(module, "_KERNELS", {})
    return tmp_path / "kernels"


def test_importing_the_indicators_does_not_import_a_compiler():
    code = "import sys, openapex.indicators, openapex.indicators.compiled; sys.exit('llvmlite' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_a_compiler_the_error_says_what_to_do(monkeypatch, kernels_in):
    monkeypatch.delitem(sys.modules, "openapex.indicators.lanes.machine", raising=False)
    monkeypatch.delattr(lanes, "machine", raising=False)
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    with pytest.raises(ApexError, match=r"llvmlite is missing .*, must be installed"):
        compiled(SMA, CLOSE, ONE)


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


def test_runs_of_the_same_indicator_stay_apart():
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


def fingerprint(indicator: Indicator, **params: int) -> str:
    return kernels._fingerprint([lanes.Job(indicator, indicator.arguments(params))], "")


def test_the_fingerprint_changes_with_a_constant_that_a_step_names(monkeypatch):
    before = fingerprint(DOUBLED)
    assert fingerprint(DOUBLED) == before
    monkeypatch.setitem(doubled_step.__globals__, "FACTOR", 3.0)
    assert fingerprint(DOUBLED) != before


def test_the_fingerprint_changes_with_a_step_inside_a_step_and_with_a_parameter(monkeypatch):
    parts = set(kernels._parts(MACD))
    assert {part.__name__ for part in parts} == {"macd_start", "macd_step", "ema_start", "ema_step"}
    before = fingerprint(MACD)
    assert fingerprint(MACD, slow=30) != before
    text = kernels._text
    monkeypatch.setattr(kernels, "_text", lambda f: text(f) + (b"# changed" if f.__name__ == "ema_step" else b""))
    assert fingerprint(MACD) != before


def test_a_kernel_is_compiled_once_and_then_loaded(kernels_in, monkeypatch):
    told = []
    assert compiled(DOUBLED, [np.array([1.0, 2.0])], np.array([0, 2]), on_compile=told.append)[0].tolist() == [2.0, 4.0]
    compiled(DOUBLED, [np.array([1.0, 2.0])], np.array([0, 2]), on_compile=told.append)
    monkeypatch.setattr(module, "_KERNELS", {})  # as in another process
    compiled(DOUBLED, [np.array([1.0, 2.0])], np.array([0, 2]), on_compile=told.append)
    assert told == ["doubled"]
    assert len(list(kernels_in.iterdir())) == 1


def test_scenario_22_a_damaged_kernel_is_compiled_anew(kernels_in, monkeypatch):
    told = []
    for n_compiled, damage in enumerate((None, b"", b"garbage", bytes(range(256)), "a flipped bit"), start=1):
        for file in kernels_in.glob("*") if damage is not None else ():
            code = bytearray(file.read_bytes())
            code[len(code) // 2] ^= 1
            file.write_bytes(damage if isinstance(damage, bytes) else code)
        monkeypatch.setattr(module, "_KERNELS", {})
        assert compiled(DOUBLED, [np.array([3.0])], np.array([0, 1]), on_compile=told.append)[0].tolist() == [6.0]
        assert len(told) == n_compiled


def test_scenario_22_where_no_kernel_can_be_kept_it_says_so_and_works(monkeypatch):
    monkeypatch.setenv("APEX_KERNELS", "/proc/nowhere")
    monkeypatch.setattr(module, "_KERNELS", {})
    with pytest.warns(UserWarning, match="compiled indicators cannot be kept and are compiled anew each time"):
        assert compiled(DOUBLED, [np.array([3.0])], np.array([0, 1]))[0].tolist() == [6.0]


def test_old_kernels_are_removed(kernels_in, monkeypatch):
    from openapex.indicators.lanes import machine

    monkeypatch.setattr(machine, "MOST_KEPT", 3)
    for i in range(5):
        machine.write_kernel(f"k{i}", b"code")
        os.utime(kernels_in / f"k{i}.apex", (i, i))
    assert sorted(file.stem for file in kernels_in.iterdir()) == ["k2", "k3", "k4"]
    assert machine.read_kernel("k4") == b"code"
    assert machine.read_kernel("k0") is None


def test_threads_are_as_many_as_told(monkeypatch):
    monkeypatch.setenv("APEX_THREADS", "3")
    assert kernels.threads_for(kernels.WORTH_THREADS) == 3
    assert kernels.threads_for(kernels.WORTH_THREADS - 1) == 1
    monkeypatch.setenv("APEX_THREADS", "many")
    assert kernels.threads_for(kernels.WORTH_THREADS) >= 1


SCRIPT = """
import sys
import numpy as np
from openapex.indicators import RSI
from openapex.indicators.compiled import compiled
told = []
value = compiled(RSI, [np.arange(30.0)], np.array([0, 30]), on_compile=told.append)[0][-1]
print(value, len(told), "llvmlite.ir" in sys.modules, "numba" in sys.modules)
"""


@pytest.mark.slow
def test_a_fresh_process_loads_a_kernel_without_what_writes_code(kernels_in):
    def run() -> list[str]:
        return subprocess.run([sys.executable, "-c", SCRIPT], check=True, capture_output=True, text=True).stdout.split()

    assert run() == ["100.0", "1", "True", "False"]
    assert run()[:2] == ["100.0", "0"]
