"""Run the steps of indicators as machine code, in parallel over the symbols of a universe.

The same functions that `interpreted` calls bar by bar are written as LLVM code for four symbols side by side
(`openapex.indicators.lanes`); results are equal bit for bit.  The first run of an indicator compiles it (0.2 s; the six
price signals together 2 s), later processes load it from disk.  A kernel's name carries a fingerprint of every step in
it, so a changed step is compiled anew.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from openapex.bars import Bars, Field, FloatArray, IntArray
from openapex.errors import BadInput
from openapex.indicators import lanes
from openapex.indicators.kernels import Kernel, MissingCompiler, Progress, threads_for
from openapex.indicators.step import Indicator

__all__ = [
    "Job",
    "MissingCompiler",
    "Progress",
    "Tail",
    "compiled",
    "compiled_over_bars",
    "compiled_tail",
    "compiled_together",
]

Job: TypeAlias = tuple[Indicator, Mapping[str, int | float]]
"""An indicator and its parameters that differ from the defaults."""

WIDTH = 4
"""Symbols side by side: the real numbers in a vector of most processors (eight took as long)."""


def compiled(
    indicator: Indicator,
    columns: Sequence[FloatArray],
    offsets: IntArray,
    params: Mapping[str, int | float] | None = None,
    *,
    on_compile: Progress | None = None,
) -> tuple[FloatArray, ...]:
    """Run an indicator over many symbols: one array per output, shape (n_bars,).

    Parameters
    ----------
    indicator : Indicator
        What to run.
    columns : sequence of array of float, each of shape (n_bars,)
        The input fields in the indicator's order; symbol after symbol, oldest first.
    offsets : array of int, shape (n_symbols + 1,)
        Rows of symbol ``i`` are ``offsets[i]:offsets[i + 1]``.
    params : mapping, optional
        Parameters that differ from the defaults.
    on_compile : callable, optional
        Called with the indicator's name before it is compiled; not when it is loaded from the cache.

    Raises
    ------
    BadInput
        If the columns differ in length, the offsets do not cover them or a parameter breaks its rule.
    MissingCompiler
        If llvmlite cannot be imported.

    Examples
    --------
    >>> from openapex.indicators.sma import SMA
    >>> compiled(SMA, [np.array([1.0, 2.0, 3.0, 10.0, 20.0])], np.array([0, 3, 5]), {"window": 2})
    (array([ nan,  1.5,  2.5,  nan, 15. ]),)
    """
    if len(columns) != len(indicator.inputs):
        raise BadInput(f"{indicator.name} got {len(columns)} columns, must be {indicator.inputs}")
    named = dict(zip(indicator.inputs, columns, strict=True))
    return compiled_together([(indicator, params or {})], named, offsets, on_compile=on_compile)[0]


def compiled_over_bars(
    indicator: Indicator,
    bars: Bars,
    params: Mapping[str, int | float] | None = None,
    *,
    on_compile: Progress | None = None,
) -> dict[str, FloatArray]:
    """Run an indicator over every symbol of `bars`; the compiled twin of `openapex.indicators.over_bars`."""
    columns = [getattr(bars, name) for name in indicator.inputs]
    values = compiled(indicator, columns, bars.offsets, params, on_compile=on_compile)
    return dict(zip(indicator.outputs, values, strict=True))


def compiled_together(
    jobs: Sequence[Job],
    columns: Mapping[Field, FloatArray],
    offsets: IntArray,
    *,
    on_compile: Progress | None = None,
) -> tuple[tuple[FloatArray, ...], ...]:
    """Run several indicators over the same symbols.

    Parameters
    ----------
    jobs : sequence of (Indicator, mapping)
        What to run, with the parameters that differ from the defaults.
    columns : mapping of str to array of float, each of shape (n_bars,)
        Fields of a bar by name; symbol after symbol, oldest first.
    offsets : array of int, shape (n_symbols + 1,)
        Rows of symbol ``i`` are ``offsets[i]:offsets[i + 1]``.
    on_compile : callable, optional
        As in `compiled`.

    Returns
    -------
    tuple of tuple of array of float, shape (n_bars,)
        Per job one array per output.

    Raises
    ------
    BadInput, MissingCompiler
        As `compiled`.
    """
    inputs = {name for indicator, _ in jobs for name in indicator.inputs}
    edges, arrays = _ragged(inputs, columns, offsets)
    named: dict[str, FloatArray] = dict(zip(sorted(inputs), arrays, strict=True))
    made = []
    for indicator, params in jobs:  # one after the other: writing 20 outputs of 4 symbols at once takes twice as long
        every = tuple(range(len(indicator.outputs)))
        job = lanes.Job(indicator, indicator.arguments(params), every, has_tail=False)
        made.append(tuple(np.empty(edges[-1]) for _ in indicator.outputs))
        _run([job], edges, 0, [named[name] for name in lanes.fields_of([job])], made[-1], on_compile)
    return tuple(made)


@dataclass(frozen=True, slots=True)
class Tail:
    """What a tail run keeps of one indicator.

    Parameters
    ----------
    history : array of float, shape (n_bars,), or None
        The first output on every bar (a signal's score), where it was asked for.
    last : array of float, shape (n_symbols, keep, n_outputs)
        All outputs on each symbol's last `keep` bars, newest last; a symbol of fewer bars has NaN in front.
    rank : array of float, shape (n_symbols,), or None
        Where the first output on the last bar stands among its known values so far, as `percent_rank` gives it; NaN
        where it is unknown.
    """

    history: FloatArray | None
    last: FloatArray
    rank: FloatArray | None = None


def compiled_tail(
    jobs: Sequence[Job],
    columns: Mapping[str, FloatArray],
    offsets: IntArray,
    keep: int,
    *,
    with_history: bool | Collection[str] = True,
    with_rank: Collection[str] = (),
    on_compile: Progress | None = None,
) -> tuple[Tail, ...]:
    """Run several indicators, but write only the last bars of each symbol, and first outputs.

    Parameters
    ----------
    jobs : sequence of (Indicator, mapping)
        As in `compiled_together`; no two of one name.  An input may be the name of an earlier indicator: its first
        output.
    columns : mapping of str to array of float, each of shape (n_bars,)
        Fields of a bar, or other inputs, by name; symbol after symbol, oldest first.
    offsets : array of int, shape (n_symbols + 1,)
        Rows of symbol ``i`` are ``offsets[i]:offsets[i + 1]``.
    keep : int
        Bars at the end of each symbol on which all outputs are wanted, at least 1.
    with_history : bool or names of indicators, default True
        Whose first output is wanted on every bar: of all, none, or those named.
    with_rank : names of indicators, default none
        Whose first output on the last bar is ranked among those of all bars.
    on_compile : callable, optional
        As in `compiled`.

    Returns
    -------
    tuple of Tail
        One per job; equal, bit for bit, to what `compiled_together` has on the same bars.

    Raises
    ------
    BadInput, MissingCompiler
        As `compiled`, and if `keep` < 1 or two indicators share a name.

    Notes
    -----
    Six price signals with 58 outputs on 10 M bars would be 4.6 GB; what is never written is not computed either.

    Examples
    --------
    >>> from openapex.indicators.sma import SMA
    >>> made = compiled_tail([(SMA, {"window": 2})], {"close": np.array([1.0, 2.0, 3.0, 10.0])}, np.array([0, 3, 4]), 2)
    >>> made[0].history
    array([nan, 1.5, 2.5, nan])
    >>> made[0].last[:, :, 0]
    array([[1.5, 2.5],
           [nan, nan]])
    """
    indicators = tuple(indicator for indicator, _ in jobs)
    names = [indicator.name for indicator in indicators]
    if len(set(names)) < len(names):
        raise BadInput(f"jobs is {names}, must be indicators of different names")
    if keep < 1:
        raise BadInput(f"keep is {keep}, must be at least 1")
    wanted = set(names if with_history is True else with_history or ())
    for what, asked in (("with_history", wanted), ("with_rank", set(with_rank))):
        if not asked <= set(names):
            raise BadInput(f"{what} is {sorted(asked)}, must be names of the jobs {names}")
    inputs = {name for indicator in indicators for name in indicator.inputs}
    edges, arrays = _ragged(inputs - set(names), columns, offsets)
    todo, made = [], []
    for indicator, params in jobs:
        is_wanted, is_ranked, n = indicator.name in wanted, indicator.name in with_rank, len(edges) - 1
        histories, ranks = ((0,) if is_so else () for is_so in (is_wanted, is_ranked))
        todo.append(lanes.Job(indicator, indicator.arguments(params), histories, ranks))
        last = np.full((n, keep, len(indicator.outputs)), np.nan)
        made.append(Tail(np.empty(edges[-1]) if is_wanted else None, last, np.full(n, np.nan) if is_ranked else None))
    results = [tail.history for tail in made if tail.history is not None]
    results += [tail.rank for tail in made if tail.rank is not None]
    _run(todo, edges, keep, arrays, [*results, *(tail.last for tail in made)], on_compile)
    return tuple(made)


def _ragged(
    names: Collection[str], columns: Mapping[Any, FloatArray], offsets: IntArray
) -> tuple[IntArray, list[FloatArray]]:
    """Return the offsets and the columns of the names, sorted, as the kernels take them."""
    arrays = [np.ascontiguousarray(columns[name], dtype=np.float64) for name in sorted(names)]
    edges = np.ascontiguousarray(offsets, dtype=np.int64)
    n_bars = len(arrays[0]) if arrays else 0
    if any(len(array) != n_bars for array in arrays):
        raise BadInput(f"columns {sorted(names)} have {[len(array) for array in arrays]} rows, must be alike")
    if not len(edges) or edges[0] != 0 or edges[-1] != n_bars or (np.diff(edges) < 0).any():
        raise BadInput(f"offsets is inconsistent, must be row numbers that rise from 0 to {n_bars}")
    return edges, arrays


def _run(
    jobs: Sequence[lanes.Job],
    offsets: IntArray,
    keep: int,
    columns: Sequence[FloatArray],
    results: Sequence[FloatArray],
    on_compile: Progress | None,
) -> None:
    """Run kernels over all symbols: four side by side, and alone whose gaps fall apart from its neighbours'."""
    lengths = np.diff(offsets)
    todo = np.flatnonzero(lengths)
    todo = todo[np.argsort(-lengths[todo], kind="stable")]  # symbols of one length side by side
    arrays = (*columns, *results)
    n_threads = threads_for(int(offsets[-1]))

    def run(symbols: IntArray, width: int) -> IntArray:
        if not len(symbols):
            return symbols
        kernel = _kernel(tuple(jobs), width, on_compile)
        return kernel.over(symbols, offsets, keep, arrays, n_threads)

    while len(todo) >= WIDTH:
        verdicts = run(todo, WIDTH)
        run(todo[verdicts == lanes.OFF], 1)
        todo = todo[verdicts == lanes.SPOILED]
    run(todo, 1)


_KERNELS: dict[tuple[tuple[lanes.Job, ...], int], Kernel] = {}


def _kernel(jobs: tuple[lanes.Job, ...], width: int, on_compile: Progress | None) -> Kernel:
    found = _KERNELS.get((jobs, width))
    if found is None:

        def write() -> tuple[str, int]:
            from openapex.indicators.lanes.kernel import kernel_module

            return kernel_module(jobs, width)

        found = _KERNELS[jobs, width] = Kernel(jobs, f"width {width}", write, on_compile, width)
    return found
