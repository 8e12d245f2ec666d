"""What is held of every symbol of a universe: its states, the outputs of its last bar and that bar's session."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from openapex.bars import Bars, FloatArray, IntArray
from openapex.errors import BadInput
from openapex.indicators.step import NAN, Indicator, State

NEVER = float("-inf")
"""The day of the last bar of a symbol that had none."""


class States(Protocol):
    """What `Live` asks of what it holds, interpreted or compiled; row 0 is a symbol before any bar.

    A symbol's states, outputs and session change together or not at all, also where Ctrl-C comes in between.
    """

    def __len__(self) -> int: ...

    def advance(self, rows: IntArray, bars: Bars) -> None:
        """Take the bars of symbols, at least one each; `rows` says where each symbol of `bars` is held, never in 0."""
        ...

    def grow(self, n_rows: int) -> None:
        """Add rows of symbols before any bar, until there are `n_rows`."""
        ...

    def outputs(self, rows: IntArray) -> FloatArray:
        """Return all outputs on the last bar, shape (n_rows, n_outputs); NaN before any bar."""
        ...

    def days(self, rows: IntArray) -> FloatArray:
        """Return the session of the last bar in days since 1970, or `NEVER`."""
        ...

    def branch(self, rows: IntArray) -> "States":
        """Return what is held in rows as states that go their own way, in rows 1, 2 and so on."""
        ...

    def copy(self) -> "States":
        """Return states that go their own way, row by row."""
        ...

    def array(self) -> FloatArray:
        """Return all rows packed (see `packed_start`), the same whichever way they are held."""
        ...

    def restore(self, array: FloatArray) -> None:
        """Hold the packed rows from now on; `BadInput` if other steps made them."""
        ...


class PlainStates:
    """States as the tuples that interpreted steps take; the slow twin of `PackedStates`."""

    def __init__(self, indicators: tuple[Indicator, ...]) -> None:
        self._indicators = indicators
        nothing = [NAN] * n_outputs(indicators)
        self._held: list[tuple[State, list[float], float]] = [(starts(indicators), nothing, NEVER)]

    def __len__(self) -> int:
        return len(self._held)

    def advance(self, rows: IntArray, bars: Bars) -> None:
        """Take the bars of symbols."""
        names = sorted({name for indicator in self._indicators for name in indicator.inputs})
        columns = {name: getattr(bars, name).tolist() for name in names}
        days = days_of(bars)
        fresh = []
        for row, (first, end) in zip(rows.tolist(), pairwise(bars.offsets.tolist()), strict=True):
            states: list[State] = []
            outputs: list[float] = []
            for indicator, state in zip(self._indicators, self._held[row][0], strict=True):
                inputs = [columns[name][first:end] for name in indicator.inputs]
                after, value = _stepped(indicator, _unshared(state), inputs)
                states.append(after)
                outputs += value
            fresh.append((row, (tuple(states), outputs, float(days[end - 1]))))
        for row, held in fresh:
            self._held[row] = held

    def grow(self, n_rows: int) -> None:
        """Add rows of symbols before any bar; they may share one start, since what is held is never written to."""
        self._held += self._held[:1] * (n_rows - len(self._held))

    def outputs(self, rows: IntArray) -> FloatArray:
        """Return all outputs on the last bar, shape (n_rows, n_outputs)."""
        found = [self._held[row][1] for row in rows.tolist()]
        return np.array(found, dtype=np.float64).reshape(len(found), n_outputs(self._indicators))

    def days(self, rows: IntArray) -> FloatArray:
        """Return the session of the last bar in days since 1970, or `NEVER`."""
        return np.array([self._held[row][2] for row in rows.tolist()], dtype=np.float64)

    def branch(self, rows: IntArray) -> "PlainStates":
        """Return what is held in rows as states that go their own way, in rows 1, 2 and so on."""
        other = PlainStates(self._indicators)
        other._held += [self._held[row] for row in rows.tolist()]
        return other

    def copy(self) -> "PlainStates":
        """Return states that go their own way."""
        return self.branch(np.arange(1, len(self)))

    def array(self) -> FloatArray:
        """Return all rows packed."""
        return np.array([packed(held) for held in self._held])

    def restore(self, array: FloatArray) -> None:
        """Hold the packed rows from now on."""
        require_same_start(self._indicators, array)
        self._held = [unpacked(self._held[0], iter(row)) for row in array.tolist()]


def starts(indicators: Sequence[Indicator]) -> tuple[State, ...]:
    """Return the states before any bar."""
    return tuple(indicator.start(*indicator.arguments({})) for indicator in indicators)


def n_outputs(indicators: Sequence[Indicator]) -> int:
    """Return how many numbers one bar gives."""
    return sum(len(indicator.outputs) for indicator in indicators)


def days_of(bars: Bars) -> FloatArray:
    """Return the session of every bar in days since 1970."""
    return bars.sessions.astype("datetime64[D]").astype(np.float64)


def packed(state: State) -> list[float]:
    """Return the numbers of a state one after the other; whole numbers are exact as floats.

    Examples
    --------
    >>> packed((1, (2.5, [3.0, 4.0])))
    [1.0, 2.5, 3.0, 4.0]
    """
    if isinstance(state, tuple):
        return [number for part in state for number in packed(part)]
    return list(state) if isinstance(state, list) else [float(state)]


def unpacked(like: State, numbers: Iterator[float]) -> State:
    """Return the state of the same shape as `like` that `packed` gave these numbers.

    Examples
    --------
    >>> unpacked((0, (0.0, [0.0, 0.0])), iter([1.0, 2.5, 3.0, 4.0]))
    (1, (2.5, [3.0, 4.0]))
    """
    if isinstance(like, tuple):
        return tuple([unpacked(part, numbers) for part in like])
    return [next(numbers) for _ in like] if isinstance(like, list) else type(like)(next(numbers))


def packed_start(indicators: Sequence[Indicator]) -> FloatArray:
    """Return the packed row of a symbol before any bar: its states, its outputs, its day."""
    return np.array([*packed(starts(indicators)), *[NAN] * n_outputs(indicators), NEVER])


def require_same_start(indicators: Sequence[Indicator], array: FloatArray) -> None:
    """Refuse packed rows that other steps made.

    Raises
    ------
    BadInput
        If so.
    """
    start = packed_start(indicators)
    if array.shape[1:] != start.shape or not np.array_equal(array[0], start, equal_nan=True):
        raise BadInput(f"states have shape {array.shape}, must be rows of {len(start)} numbers made by this version")


def _unshared(state: State) -> State:
    """Return a state with rings of its own, since a step writes to its rings."""
    if isinstance(state, tuple):
        return tuple([_unshared(part) for part in state])
    return state.copy() if isinstance(state, list) else state


def _stepped(indicator: Indicator, state: State, columns: Sequence[Sequence[float]]) -> tuple[State, Sequence[float]]:
    """Return the state after the bars and the outputs on the last one."""
    arguments = indicator.arguments({})
    value: Any = ()
    for row in zip(*columns, strict=True):
        state, value = indicator.step(state, *row, *arguments)
    return state, value if len(indicator.outputs) > 1 else (value,)
