"""The states of a universe as rows of one array, advanced by compiled steps in parallel.

A state is a nested tuple of numbers and rings; its shape is read off the start state, and the kernel that packs,
unpacks and steps it is written from that shape, so the formulas stay where they are: in the steps.
"""

import numpy as np

from openapex.bars import Bars, FloatArray, IntArray
from openapex.indicators.kernels import AnyArray, Kernel, Progress, threads_for
from openapex.indicators.lanes import Job, fields_of
from openapex.indicators.step import Indicator
from openapex.score.live_states import days_of, n_outputs, packed_start, require_same_start


class PackedStates:
    """States as rows of one array, with the outputs and the day of the last bar behind them.

    Parameters
    ----------
    indicators : tuple of Indicator
        What every symbol's state advances through, with default parameters.
    on_compile : callable, optional
        Told what is compiled, before it is.

    Raises
    ------
    MissingCompiler
        If llvmlite cannot be imported.
    """

    def __init__(self, indicators: tuple[Indicator, ...], on_compile: Progress | None = None) -> None:
        self._indicators = indicators
        self._on_compile = on_compile
        self._memory = packed_start(indicators)[np.newaxis]
        _kernel(indicators, on_compile)

    def __len__(self) -> int:
        return len(self._memory)

    def advance(self, rows: IntArray, bars: Bars) -> None:
        """Take the bars of symbols, all in one call into machine code, which writes where the states stand.

        Only what a bar changes is touched: a quarter of the time of writing a new copy of all.
        """
        jobs = _jobs(self._indicators)
        arrays: list[AnyArray] = [self._memory, np.ascontiguousarray(rows, dtype=np.int64), days_of(bars)]
        arrays += [np.ascontiguousarray(getattr(bars, name), dtype=np.float64) for name in fields_of(jobs)]
        offsets = np.ascontiguousarray(bars.offsets, dtype=np.int64)
        kernel = _kernel(self._indicators, self._on_compile)
        kernel.over(np.arange(len(rows)), offsets, 0, arrays, threads_for(len(bars)))

    def grow(self, n_rows: int) -> None:
        """Add rows of symbols before any bar, until there are `n_rows`."""
        more = np.repeat(self._memory[:1], max(0, n_rows - len(self)), axis=0)
        self._memory = np.concatenate([self._memory, more])

    def outputs(self, rows: IntArray) -> FloatArray:
        """Return all outputs on the last bar, shape (n_rows, n_outputs)."""
        found: FloatArray = self._memory[:, -1 - n_outputs(self._indicators) : -1][rows]
        return found

    def days(self, rows: IntArray) -> FloatArray:
        """Return the session of the last bar in days since 1970, or `NEVER`."""
        found: FloatArray = self._memory[rows, -1]
        return found

    def branch(self, rows: IntArray) -> "PackedStates":
        """Return what is held in rows as states that go their own way, in rows 1, 2 and so on."""
        return self._with(self._memory[np.concatenate([[0], rows])])

    def copy(self) -> "PackedStates":
        """Return states that go their own way."""
        return self._with(self._memory.copy())

    def array(self) -> FloatArray:
        """Return all rows packed."""
        return self._memory.copy()

    def restore(self, array: FloatArray) -> None:
        """Hold the packed rows from now on."""
        require_same_start(self._indicators, array)
        self._memory = np.ascontiguousarray(array, dtype=np.float64)

    def _with(self, memory: FloatArray) -> "PackedStates":
        other = PackedStates(self._indicators, self._on_compile)
        other._memory = memory
        return other


_KERNELS: dict[tuple[Indicator, ...], Kernel] = {}


def _kernel(indicators: tuple[Indicator, ...], on_compile: Progress | None) -> Kernel:
    found = _KERNELS.get(indicators)
    if found is None:
        jobs = _jobs(indicators)

        def write() -> tuple[str, int]:
            from openapex.indicators.lanes.live import live_module

            return live_module(jobs)

        found = _KERNELS[indicators] = Kernel(jobs, "live", write, on_compile)
    return found


def _jobs(indicators: tuple[Indicator, ...]) -> list[Job]:
    return [Job(indicator, indicator.arguments({})) for indicator in indicators]
