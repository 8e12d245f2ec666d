"""What every indicator must obey, as checks of any function ``(columns, offsets) -> outputs`` over a ragged panel."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from openapex.bars import FloatArray, IntArray
from openapex.indicators import Indicator, interpreted

Columns: TypeAlias = Sequence[FloatArray]
Panel: TypeAlias = Callable[[Columns, IntArray], tuple[FloatArray, ...]]
POISON = (float("inf"), float("-inf"), float("nan"), 1e9)


def panel_of(indicator: Indicator, **params: float) -> Panel:
    """Return the indicator, interpreted, as a function over a panel."""

    def run(columns: Columns, offsets: IntArray) -> tuple[FloatArray, ...]:
        parts = [interpreted(indicator, [column[a:b] for column in columns], params) for a, b in pairwise(offsets)]
        return tuple(np.concatenate(outputs) for outputs in zip(*parts, strict=True))

    return run


def alone(run: Panel, columns: Columns) -> tuple[FloatArray, ...]:
    return run(columns, np.array([0, len(columns[0])]))


def assert_same(found: Sequence[FloatArray], wanted: Sequence[FloatArray], what: str) -> None:
    """Bit for bit, any NaN equal to any NaN."""
    assert len(found) == len(wanted)
    for i, (a, b) in enumerate(zip(found, wanted, strict=True)):
        np.testing.assert_array_equal(a, b, err_msg=f"{what}, output {i}")


def cuts(n_bars: int, warm_up: int, seed: int = 5) -> list[int]:
    """Cuts inside the warm-up, at its end, at random places and before the last bar."""
    rng = np.random.default_rng(seed)
    inside = [k for k in (1, 2, warm_up // 2, warm_up, warm_up + 1, warm_up + 2) if 0 < k < n_bars]
    return sorted({*inside, *rng.integers(1, n_bars, 12).tolist(), n_bars - 1})


def check_past_never_changes(run: Panel, columns: Columns, warm_up: int) -> None:
    whole = alone(run, columns)
    for k in cuts(len(columns[0]), warm_up):
        part = alone(run, [column[:k].copy() for column in columns])
        assert_same(part, [output[:k] for output in whole], f"cut at {k}")


def check_future_cannot_matter(run: Panel, columns: Columns, warm_up: int) -> None:
    whole = alone(run, columns)
    for i, k in enumerate(cuts(len(columns[0]), warm_up)):
        poisoned = [np.r_[column[:k], np.full(len(column) - k, POISON[i % 4])] for column in columns]
        found = alone(run, poisoned)
        assert_same([output[:k] for output in found], [output[:k] for output in whole], f"poison from {k}")


def check_warm_up(run: Panel, columns: Columns, warm_up: int, *, is_fixed: bool = True) -> None:
    outputs = alone(run, columns)
    leading = [int(np.argmin(np.isnan(output))) if not np.isnan(output).all() else len(output) for output in outputs]
    if is_fixed:
        assert max(leading) == warm_up, f"leading NaN {leading}, declared {warm_up}"
        assert not any(np.isnan(output[warm_up:]).any() for output in outputs), "NaN after the warm-up"
    else:
        assert min(leading) >= warm_up, f"leading NaN {leading}, declared at least {warm_up}"
        assert max(leading) < len(columns[0]), "some output never has a value"


def check_symbols_do_not_mix(run: Panel, columns: Columns) -> None:
    n = len(columns[0])
    edges = np.array([0, 1, 10, 10 + n // 3, n])
    whole = run(columns, edges)
    for a, b in pairwise(edges):
        single = alone(run, [column[a:b].copy() for column in columns])
        assert_same([output[a:b] for output in whole], single, f"symbol in rows {a} to {b}")


def check_input_is_untouched(run: Panel, columns: Columns) -> None:
    before = [column.copy() for column in columns]
    alone(run, columns)
    assert_same(columns, before, "input")


def check_gap(run: Panel, columns: Columns) -> None:
    """A gap leaves the past alone, is NaN itself, and what follows is a fresh calculation."""
    n = len(columns[0])
    whole = alone(run, columns)
    for which in range(len(columns)):
        for bad, at in ((float("nan"), n // 3), (float("inf"), n // 2), (float("-inf"), 3)):
            holed = [column.copy() for column in columns]
            holed[which][at] = bad
            found = alone(run, holed)
            fresh = alone(run, [column[at + 1 :].copy() for column in columns])
            assert_same([output[:at] for output in found], [output[:at] for output in whole], "before the gap")
            assert all(np.isnan(output[at]) for output in found), f"value on the gap at {at}"
            assert_same([output[at + 1 :] for output in found], fresh, "after the gap")


def check_scale(run: Panel, columns: Columns, inputs: Sequence[str], scale: Sequence[int]) -> None:
    whole = alone(run, columns)
    for factor, tolerance in ((8.0, 0.0), (0.037, 1e-9)):
        scaled = [c if name == "volume" else c * factor for c, name in zip(columns, inputs, strict=True)]
        for found, wanted, power in zip(alone(run, scaled), whole, scale, strict=True):
            level = factor**power
            floor = tolerance * 1e-3 * level * float(np.nanmax(np.abs(wanted)))
            np.testing.assert_allclose(found, wanted * level, rtol=tolerance, atol=floor)
