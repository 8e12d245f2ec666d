"""The states of a universe as the plain tuples that interpreted steps take."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from openapex.bars import Bars, FloatArray, IntArray
from openapex.errors import BadInput
from openapex.indicators.step import Indicator, State


class States(Protocol):
    """What `Live` asks of the states it holds, interpreted or compiled; row 0 is the state before any bar."""

    def advanced(self, rows: IntArray, bars: Bars) -> tuple[Any, FloatArray]:
        """Return the states after the bars, for `keep`, and the outputs on each symbol's last bar."""
        ...

    def keep(self, rows: IntArray, states: Any) -> None:
        """Put the states last returned by `advanced` into rows; rows beyond the last are added."""
        ...

    def array(self) -> FloatArray:
        """Return all states as packed rows, the same whichever way they are held."""
        ...

    def restore(self, array: FloatArray) -> None:
        """Hold the states of `array` from now on."""
        ...

    def copy(self) -> "States":
        """Return states that go their own way."""
        ...


class PlainStates:
    """States of symbols as tuples, advanced in plain Python; the slow twin of `PackedStates`."""

    def __init__(self, indicators: tuple[Indicator, ...]) -> None:
        self._indicators = indicators
        self._held: list[State] = [tuple(one.start(*one.arguments({})) for one in indicators)]

    def advanced(self, rows: IntArray, bars: Bars) -> tuple[list[State], FloatArray]:
        """Return the states after the bars and the outputs on the last bar; what is held stays as it is."""
        names = sorted({name for one in self._indicators for name in one.inputs})
        columns = {name: getattr(bars, name).tolist() for name in names}
        n_outputs = sum(len(one.outputs) for one in self._indicators)
        outputs = np.empty((len(rows), n_outputs))
        fresh = []
        for i, (first, end) in enumerate(pairwise(bars.offsets.tolist())):
            states: list[State] = []
            numbers: list[float] = []
            for indicator, state in zip(self._indicators, self._held[rows[i]], strict=True):
                inputs = [columns[name][first:end] for name in indicator.inputs]
                after, value = _stepped(indicator, unshared(state), inputs)
                states.append(after)
                numbers += value
            fresh.append(tuple(states))
            outputs[i] = numbers
        return fresh, outputs

    def keep(self, rows: IntArray, states: list[State]) -> None:
        """Put states into rows; rows beyond the last are added."""
        self._held += [None] * (int(rows.max(initial=0)) + 1 - len(self._held))
        for row, state in zip(rows.tolist(), states, strict=True):
            self._held[row] = state

    def array(self) -> FloatArray:
        """Return all states as packed rows."""
        return np.array([packed(state) for state in self._held])

    def restore(self, array: FloatArray) -> None:
        """Hold the states of `array` from now on.

        Raises
        ------
        BadInput
            If they are not made by the same steps.
        """
        require_same_start(self._held[0], array)
        self._held = [unpacked(self._held[0], iter(row)) for row in array.tolist()]

    def copy(self) -> "PlainStates":
        """Return states that go their own way; kept states are never written to, so both may hold the same."""
        other = PlainStates(self._indicators)
        other._held = list(self._held)
        return other


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


def require_same_start(start: State, array: FloatArray) -> None:
    """Refuse packed states whose start is not `start`: they were made by other steps.

    Raises
    ------
    BadInput
        If so.
    """
    wanted = packed(start)
    if array.shape[1:] != (len(wanted),) or not np.array_equal(array[0], wanted, equal_nan=True):
        raise BadInput(f"states have shape {array.shape}, must be rows of {len(wanted)} numbers made by this version")


def unshared(state: State) -> State:
    """Return a state with rings of its own, since a step writes to its rings."""
    if isinstance(state, tuple):
        return tuple([unshared(part) for part in state])
    return state.copy() if isinstance(state, list) else state


def _stepped(indicator: Indicator, state: State, columns: Sequence[Sequence[float]]) -> tuple[State, Sequence[float]]:
    """Return the state after the bars and the outputs on the last one."""
    arguments = indicator.arguments({})
    value: Any = ()
    for row in zip(*columns, strict=True):
        state, value = indicator.step(state, *row, *arguments)
    return state, value if len(indicator.outputs) > 1 else (value,)
