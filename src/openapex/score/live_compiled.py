"""The states of a universe as rows of one array, advanced by compiled steps in parallel.

A state is a nested tuple of numbers and rings; its shape is read off the start state, and the kernel that packs,
unpacks and steps it is written from that shape, so the formulas stay where they are: in the steps.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from openapex.bars import Bars, FloatArray, IntArray
from openapex.indicators import compiled as batch
from openapex.indicators.compiled import Progress
from openapex.indicators.step import Indicator, State
from openapex.score.live_states import days_of, n_outputs, packed_start, require_same_start, starts

WORTH_THREADS = 10_000
"""Bars from which threads are woken: on a busy machine that takes 5 ms, and one thread takes 0.3 µs a bar."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One number or ring of a packed state: where it stands in the tuple (as ``[1][0]``), its kind, its first place."""

    path: str
    kind: type
    at: int
    size: int


def slots(state: State, at: int = 0, path: str = "") -> Iterator[Slot]:
    """Yield every number and ring of a state, packed one after the other from place `at`."""
    if not isinstance(state, tuple):
        yield Slot(path, type(state), at, len(state) if isinstance(state, list) else 1)
        return
    for i, part in enumerate(state):
        for slot in slots(part, at, f"{path}[{i}]"):
            yield slot
            at = slot.at + slot.size


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
        If Numba cannot be imported.
    """

    def __init__(self, indicators: tuple[Indicator, ...], on_compile: Progress | None = None) -> None:
        self._indicators = indicators
        self._on_compile = on_compile
        self._memory = packed_start(indicators)[np.newaxis]
        _kernel(indicators)

    def __len__(self) -> int:
        return len(self._memory)

    def advance(self, rows: IntArray, bars: Bars) -> None:
        """Take the bars of symbols, all in one call into machine code, which writes where the states stand.

        Only what a bar changes is touched: a quarter of the time of writing a new copy of all.
        """
        columns = [_sealed(getattr(bars, name), np.float64) for name in _fields(self._indicators)]
        indices = _sealed(rows, np.int64), _sealed(bars.offsets, np.int64)
        with batch._ONE_AT_A_TIME:
            arguments = (self._memory, *indices, _sealed(days_of(bars), np.float64), *columns)
            batch._run(_kernel(self._indicators), self._on_compile, arguments)

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


class _LiveKernel(batch._Kernel):
    """One compiled loop over symbols that unpacks states, steps them and packs them again."""

    def __init__(self, indicators: tuple[Indicator, ...]) -> None:
        numba = batch._numba()
        parts = {part for indicator in indicators for part in batch._parts(indicator)}
        for part in parts:
            batch._register(part)
        text = _source(indicators)
        self.title = "live " + ", ".join(indicator.name for indicator in indicators)
        scope: dict[str, Any] = {"__name__": __name__, "prange": numba.prange, "place": _place()}
        scope |= {f"step{i}": indicator.step for i, indicator in enumerate(indicators)}
        name = f"live_{batch._fingerprint(text, parts)}"
        exec(compile(text.replace("KERNEL", name), __file__, "exec"), scope)
        numba.extending.register_jitable(error_model="numpy")(scope["one"])
        self._plain = scope[name]
        self.function = self._jitted(is_cached=True)


@cache
def _kernel(indicators: tuple[Indicator, ...]) -> _LiveKernel:
    return _LiveKernel(indicators)


def _sealed(array: Any, kind: Any) -> Any:
    """Return a read-only view: Numba compiles anew for every mix of writable and read-only arguments."""
    view = np.ascontiguousarray(array, dtype=kind).view()
    view.flags.writeable = False
    return view


def _fields(indicators: Sequence[Indicator]) -> list[str]:
    return sorted({name for indicator in indicators for name in indicator.inputs})


def _source(indicators: tuple[Indicator, ...]) -> str:
    """Return the text of the kernel: for every symbol, for every indicator: unpack, step over the bars, pack."""
    columns = ", ".join(_fields(indicators))
    body: list[str] = []
    at, output = 0, len(packed_start(indicators)) - 1 - n_outputs(indicators)
    for i, (indicator, state) in enumerate(zip(indicators, starts(indicators), strict=True)):
        found = list(slots(state, at))
        literals = [repr(value) for value in indicator.arguments({})]
        taken = ", ".join([f"state{i}", *(f"{name}[t]" for name in indicator.inputs), *literals])
        places = [f"[{j}]" for j in range(len(indicator.outputs))] if len(indicator.outputs) > 1 else [""]
        body += [
            f"    state{i} = {_unpacked(state, {slot.path: slot for slot in found})}",
            "    for t in range(first, end):",
            f"        state{i}, value{i} = step{i}({taken})",
            *(f"        own[{output + j}] = value{i}{place}" for j, place in enumerate(places)),
            *(f"    own[{slot.at}] = state{i}{slot.path}" for slot in found if slot.kind is not list),
        ]
        at, output = found[-1].at + found[-1].size, output + len(places)
    lines = [  # a function for one symbol: Numba's analysis of parallel loops does not understand the tuples
        f"def one(own, first, end, days, {columns}):",
        *body,
        f"    own[{output}] = days[end - 1]",
        "",
        f"def KERNEL(memory, rows, offsets, days, {columns}):",
        f"    if days.shape[0] < {WORTH_THREADS}:",
        "        for i in range(rows.shape[0]):",
        f"            one(memory[rows[i]], offsets[i], offsets[i + 1], days, {columns})",
        "    else:",
        "        for i in prange(rows.shape[0]):",
        f"            one(memory[rows[i]], offsets[i], offsets[i + 1], days, {columns})",
    ]
    return "\n".join(lines) + "\n"


def _unpacked(state: State, at: Mapping[str, Slot], path: str = "") -> str:
    """Return the expression that builds a state from its packed numbers; rings stay where they are."""
    if isinstance(state, tuple):
        return "(" + "".join(f"{_unpacked(part, at, f'{path}[{i}]')}, " for i, part in enumerate(state)) + ")"
    slot = at[path]
    if slot.kind is list:
        return f"place(own, {slot.at})"
    return f"int(own[{slot.at}])" if slot.kind is int else f"own[{slot.at}]"


@cache
def _place() -> Any:
    """Return the compiled function that points to a place of an array, as a step's ring."""
    from numba import types
    from numba.extending import intrinsic

    @intrinsic
    def place(typing_context, array, at):  # type: ignore[no-untyped-def]
        """Return a pointer to ``array[at]``; valid while the array is."""

        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            kind, index = signature.args
            made = context.make_array(kind)(context, builder, arguments[0])
            return builder.gep(made.data, [context.cast(builder, arguments[1], index, types.intp)])

        return types.CPointer(array.dtype)(array, types.intp), code

    return place
