"""Run the steps of indicators compiled by Numba, in parallel over the symbols of a universe.

The same functions that `interpreted` calls bar by bar become one machine-code loop per symbol; results are equal bit
for bit.  Numba is imported on first use only (0.5 s); the first run of an indicator compiles it (1 to 3 s) and later
processes load it from Numba's cache on disk.  A kernel's name carries a fingerprint of every step in it, so a changed
step is compiled anew.
"""

import hashlib
import inspect
import pickle
import threading
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, TypeAlias

import numpy as np

from openapex.bars import Bars, Field, FloatArray, IntArray
from openapex.errors import ApexError, BadInput
from openapex.indicators.compiled_source import every_bar_source, tail_source
from openapex.indicators.step import Indicator

Job: TypeAlias = tuple[Indicator, Mapping[str, int | float]]
"""An indicator and its parameters that differ from the defaults."""
Progress: TypeAlias = Callable[[str], None]
"""Told what is about to be compiled, e.g. to say so on stderr."""

_ONE_AT_A_TIME = threading.Lock()  # Numba's built-in thread pool ends the process when two threads enter it

_UNREADABLE = (OSError, EOFError, pickle.PickleError, ValueError, LookupError, AttributeError, ImportError)
"""What a damaged or unwritable cache raises; a fault of another origin is raised again by the run without a cache."""


class MissingCompiler(ApexError):
    """Numba cannot be imported; `openapex.indicators.interpreted` computes the same numbers without it."""


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
        If Numba cannot be imported.

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
    """Run several indicators in one pass: all of them over one symbol while its columns are in the processor's cache.

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
    edges, arrays = _ragged({name for indicator, _ in jobs for name in indicator.inputs}, columns, offsets)
    arguments = [value for indicator, params in jobs for value in indicator.arguments(params)]
    values = tuple(tuple(np.empty(edges[-1]) for _ in indicator.outputs) for indicator, _ in jobs)
    outputs = [array for part in values for array in part]
    indicators = tuple(indicator for indicator, _ in jobs)
    with _ONE_AT_A_TIME:
        _run(_kernel(indicators, every_bar_source(indicators)), on_compile, (edges, *arrays, *arguments, *outputs))
    return values


@dataclass(frozen=True, slots=True)
class Tail:
    """What a tail run keeps of one indicator.

    Parameters
    ----------
    history : array of float, shape (n_bars,), or None
        The first output on every bar (a signal's score), where it was asked for.
    last : array of float, shape (n_symbols, keep, n_outputs)
        All outputs on each symbol's last `keep` bars, newest last; a symbol of fewer bars has NaN in front.
    """

    history: FloatArray | None
    last: FloatArray


def compiled_tail(
    jobs: Sequence[Job],
    columns: Mapping[str, FloatArray],
    offsets: IntArray,
    keep: int,
    *,
    with_history: bool | Collection[str] = True,
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
    if not wanted <= set(names):
        raise BadInput(f"with_history is {sorted(wanted)}, must be names of the jobs {names}")
    inputs = {name for indicator in indicators for name in indicator.inputs}
    edges, arrays = _ragged(inputs - set(names), columns, offsets)
    made, arguments = [], []
    for indicator, params in jobs:
        history = np.empty(edges[-1]) if indicator.name in wanted else None
        made.append(Tail(history, np.full((len(edges) - 1, keep, len(indicator.outputs)), np.nan)))
        arguments += [*indicator.arguments(params), *([] if history is None else [history]), made[-1].last]
    with _ONE_AT_A_TIME:
        _run(_kernel(indicators, tail_source(indicators, wanted)), on_compile, (edges, keep, *arrays, *arguments))
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


def _run(kernel: "_Kernel", on_compile: Progress | None, arguments: tuple[Any, ...]) -> None:
    """Call the kernel; where its cache on disk cannot be read or written, compile without one and say so once."""
    if on_compile is not None and not kernel.is_ready():
        on_compile(kernel.title)
    try:
        kernel.function(*arguments)
    except _UNREADABLE as error:
        warnings.warn(f"the cache of compiled indicators is unusable ({error}); compiling without it", stacklevel=4)
        kernel.forget_cache()
        kernel.function(*arguments)


class _Kernel:
    """One compiled loop over symbols, made from a text of `openapex.indicators.compiled_source`."""

    def __init__(self, indicators: tuple[Indicator, ...], text: str) -> None:
        numba = _numba()
        from openapex.indicators.rings import borrowed, kept

        parts = {part for indicator in indicators for part in _parts(indicator)}
        for part in parts:
            _register(part)
        mark = _fingerprint(text, parts)
        self.title = ", ".join(indicator.name for indicator in indicators)
        scope: dict[str, Any] = {"__name__": __name__, "prange": numba.prange, "borrowed": borrowed, "kept": kept}
        scope |= {"empty": np.empty, "compiled_part": lambda part: numba.njit(part, error_model="numpy")}
        for i, indicator in enumerate(indicators):
            scope |= {f"start{i}": indicator.start, f"step{i}": indicator.step}
        # Numba keeps the cache of this file in __pycache__ beside it or, where it cannot write, in the user's folder
        exec(compile(text.replace("KERNEL", f"kernel_{mark}"), __file__, "exec"), scope)
        self._plain = scope[f"kernel_{mark}"]
        self.function = self._jitted(is_cached=True)

    def _jitted(self, *, is_cached: bool) -> Any:
        options = {"parallel": True, "fastmath": False, "error_model": "numpy"}
        try:
            return _numba().njit(self._plain, cache=is_cached, **options)
        except (RuntimeError, OSError):  # "no locator available": no folder for the cache can be written
            return _numba().njit(self._plain, **options)

    def forget_cache(self) -> None:
        self.function = self._jitted(is_cached=False)

    def is_ready(self) -> bool:
        """Return True if the machine code is loaded or lies on disk."""
        folder = self.function.stats.cache_path
        stored = folder is not None and any(Path(folder).glob(f"*{self._plain.__name__}-*.nbc"))
        return bool(self.function.signatures) or stored


@cache
def _kernel(indicators: tuple[Indicator, ...], text: str) -> _Kernel:
    return _Kernel(indicators, text)


def _parts(indicator: Indicator) -> Iterator[FunctionType]:
    """Yield every marked function that the indicator's start and step reach, themselves included."""
    todo: list[Any] = [indicator.start, indicator.step]
    seen = set()
    while todo:
        function = todo.pop()
        if function not in seen:
            seen.add(function)
            yield function
            todo += [value for value in _named(function).values() if getattr(value, "__apex_step__", False)]


def _named(function: FunctionType) -> dict[str, Any]:
    """Return the globals, closure values and module attributes that a function names."""
    found = dict(inspect.getclosurevars(function).nonlocals)
    names = function.__code__.co_names
    found |= {name: function.__globals__[name] for name in names if name in function.__globals__}
    for module in [value for value in found.values() if isinstance(value, ModuleType)]:
        found |= {f"{module.__name__}.{name}": getattr(module, name) for name in names if hasattr(module, name)}
    return found


def _fingerprint(text: str, parts: set[FunctionType]) -> str:
    """Return a mark that changes with the kernel, any of its steps, or a constant that one of them names."""
    digest = hashlib.sha256(text.encode() + Path(__file__).with_name("rings.py").read_bytes())
    for part in sorted(parts, key=lambda part: (part.__module__, part.__qualname__)):
        constants = {
            name: value for name, value in _named(part).items() if isinstance(value, int | float | str | tuple)
        }
        digest.update(f"{part.__module__}.{part.__qualname__}\n{_text(part)}\n{sorted(constants.items())}".encode())
    return digest.hexdigest()[:16]


def _text(function: FunctionType) -> str:
    try:
        return inspect.getsource(function)
    except OSError:  # installed without sources
        code = function.__code__
        return f"{code.co_code!r} {code.co_consts!r} {code.co_names!r}"


@cache
def _register(function: FunctionType) -> None:
    _numba().extending.register_jitable(error_model="numpy", forceinline=True)(function)


@cache
def _numba() -> Any:
    """Import Numba and teach it what a ring is."""
    try:
        import numba
        import numba.extending

        from openapex.indicators import rings  # noqa: F401 - registers itself
    except ImportError as error:
        raise MissingCompiler(f"numba is missing ({error}), must be installed to compile: pip install numba") from error
    return numba
