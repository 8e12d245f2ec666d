"""An indicator is a *step*: ``(state, bar values, parameters) -> (state, value)``.

A step never sees more than its state and one bar, so it cannot look ahead.  The same step is interpreted for one
ticker (`interpreted`), compiled for a universe (`openapex.indicators.compiled`) and called once per new bar by a
stream (`Stream`).  Steps are plain Python in the subset that `openapex.indicators.lanes` reads; states are tuples of
ints, floats and rings (fixed-length buffers) with fixed types.  A step that carries a ring owns it: use a state once,
then drop it.

The NaN rule is one for all: a NaN input returns the start state and NaN, so exactly the windows that cover the gap
are NaN and what follows equals a fresh calculation (docs/adr/0003-a-gap-restarts.md).
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import Any, TypeAlias, TypeVar

import numpy as np

from openapex.bars import Bars, Field, FloatArray
from openapex.errors import BadInput, UnknownName

NAN = float("nan")
Ring: TypeAlias = list[float]
State: TypeAlias = Any  # a tuple of ints, floats, rings and nested states; its exact type belongs to each step
StepFunction = TypeVar("StepFunction", bound=Callable[..., Any])


def step(function: StepFunction) -> StepFunction:
    """Mark a plain function as a step (or a part of one), so that the compiler finds it; it stays plain Python."""
    function.__apex_step__ = True  # type: ignore[attr-defined]
    return function


def ring(window: int) -> Ring:
    """Return an empty buffer of `window` values; a list here, a bare pointer in compiled code.

    Only a start makes rings: a step that meets a gap keeps its ring and resets its counters.  Places count from 0 up
    (a pointer knows no place -1) and the window is the step's own business (a pointer has no length).
    """
    return [NAN] * window


def line_at(x: float, xs: tuple[float, ...], ys: tuple[float, ...]) -> tuple[float, float]:
    """Return height at 0 and slope of the line between the knots around `x`, or the outermost where it lies outside.

    In compiled code a choice from lines that are known when it is written.
    """
    i = bisect_left(xs, x, 1, len(xs) - 1)
    slope = (ys[i] - ys[i - 1]) / (xs[i] - xs[i - 1])
    return ys[i - 1] - xs[i - 1] * slope, slope


@dataclass(frozen=True, slots=True, eq=False)
class Indicator:
    """One definition of an indicator, run in three ways.

    Parameters
    ----------
    name : str
        The field's standard term, snake case.
    inputs : tuple of str
        Fields of a bar, in the order the step takes them.
    outputs : tuple of str
        Names of the values; a step with one output returns a float, with several a tuple.
    params : mapping of str to number
        Parameters with their defaults, in the order `start` and the step take them.
    start : callable
        ``start(*params)`` gives the state before the first bar.
    step : callable
        ``step(state, *inputs, *params)`` gives ``(state, value)``.
    warm_up : callable
        ``warm_up(*params)`` gives the number of leading NaN bars, of the slowest output.
    scale : tuple of int
        Per output the power of the price unit: ATR has 1, RSI 0.
    least : mapping of str to number
        Smallest values of parameters; where not given 1 for a whole number, anything above 0 for a real one.
    is_warm_up_fixed : bool, default True
        False where the first value waits for the market (a swing), so that `warm_up` is a lower bound.
    """

    name: str
    inputs: tuple[Field, ...]
    outputs: tuple[str, ...]
    params: Mapping[str, int | float]
    start: Callable[..., State]
    step: Callable[..., tuple[State, Any]]
    warm_up: Callable[..., int]
    scale: tuple[int, ...]
    least: Mapping[str, int | float] = field(default_factory=dict)
    is_warm_up_fixed: bool = True

    def __str__(self) -> str:
        return self.name

    def arguments(self, given: Mapping[str, int | float]) -> tuple[int | float, ...]:
        """Return the parameters in order, defaults filled in.

        Raises
        ------
        BadInput
            If a name is unknown, a whole number (by its default) is below 1 or not whole, or a real one not above 0.
        """
        for name in given:
            if name not in self.params:
                raise UnknownName(f"parameter of {self.name}", name, self.params)
        merged = {**self.params, **given}
        return tuple(
            _checked(name, value, self.params[name], self.least.get(name, 1)) for name, value in merged.items()
        )


def _checked(name: str, value: Any, default: int | float, least: int | float) -> int | float:
    """Return the value of a parameter as plain int or float, whichever its default is."""
    if isinstance(default, int):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise BadInput(f"{name} is {value!r}, must be a whole number of at least {least}")
        return int(value)
    if not isinstance(value, int | float | np.number) or not 0.0 < value < float("inf"):
        raise BadInput(f"{name} is {value!r}, must be a finite number above 0")
    return float(value)


def interpreted(
    indicator: Indicator, columns: Sequence[FloatArray], params: Mapping[str, int | float] | None = None
) -> tuple[FloatArray, ...]:
    """Run an indicator over one symbol in plain Python: one array per output, shape (n_bars,).

    Parameters
    ----------
    indicator : Indicator
        What to run.
    columns : sequence of array of float, each of shape (n_bars,)
        The input fields in the indicator's order, oldest first.
    params : mapping, optional
        Parameters that differ from the defaults.

    Raises
    ------
    BadInput
        If the columns differ in length or a parameter breaks its rule.
    """
    lengths = {len(column) for column in columns}
    if len(lengths) != 1 or len(columns) != len(indicator.inputs):
        raise BadInput(f"{indicator.name} got columns of lengths {sorted(lengths)}, must be {indicator.inputs} alike")
    arguments = indicator.arguments(params or {})
    advance, state = indicator.step, indicator.start(*arguments)
    values: list[Any] = []
    for row in zip(*(np.asarray(column, dtype=np.float64).tolist() for column in columns), strict=True):
        state, value = advance(state, *row, *arguments)
        values.append(value)
    n_outputs = len(indicator.outputs)
    flat = values if n_outputs == 1 else chain.from_iterable(values)
    table = np.fromiter(flat, np.float64, len(values) * n_outputs).reshape(len(values), n_outputs)
    return tuple(np.ascontiguousarray(table[:, i]) for i in range(n_outputs))


def over_bars(
    indicator: Indicator, bars: Bars, params: Mapping[str, int | float] | None = None
) -> dict[str, FloatArray]:
    """Run an indicator interpreted over every symbol of `bars`; one array of shape (n_bars,) per output name."""
    columns = [getattr(bars, name) for name in indicator.inputs]
    edges = bars.offsets.tolist()
    parts = [
        interpreted(indicator, [column[low:high] for column in columns], params)
        for low, high in pairwise(edges)
        if high > low
    ]
    return {
        name: np.concatenate([part[i] for part in parts]) if parts else np.empty(0)
        for i, name in enumerate(indicator.outputs)
    }


class Stream:
    """An indicator fed one bar at a time; equal, bar for bar, to the batch.

    Examples
    --------
    >>> from openapex.indicators.rsi import RSI
    >>> stream = Stream(RSI, window=2)
    >>> [round(stream.update(close), 2) for close in (10.0, 11.0, 10.5, 11.5)]
    [nan, nan, 66.67, 85.71]
    """

    def __init__(self, indicator: Indicator, **params: int | float) -> None:
        self._step = indicator.step
        self._arguments = indicator.arguments(params)
        self._state = indicator.start(*self._arguments)

    def update(self, *bar: float) -> Any:
        """Take the input fields of one new bar, return its value (a float, or a tuple for several outputs)."""
        self._state, value = self._step(self._state, *map(float, bar), *self._arguments)
        return value
