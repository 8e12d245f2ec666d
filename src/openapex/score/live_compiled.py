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
from openapex.score.live_states import packed, require_same_start


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
    """States of symbols, a row each; row 0 is the state before any bar.

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
        self._memory = np.array([packed(tuple(_start(indicator) for indicator in indicators))])
        self._room = self._memory[:0]
        _kernel(indicators)

    def advanced(self, rows: IntArray, bars: Bars) -> tuple[FloatArray, FloatArray]:
        """Return the states after the bars and the outputs on the last bar; what is held stays as it is.

        Parameters
        ----------
        rows : array of int, shape (n_symbols,)
            Which state each symbol of `bars` goes on from.
        bars : Bars
            At least one bar a symbol.

        Returns
        -------
        states : array of float, shape (n_symbols, width)
            For `keep`; the room of the next call's states, since fresh pages would cost more than the steps.
        outputs : array of float, shape (n_symbols, n_outputs)
            Of all indicators, one after the other.
        """
        if len(self._room) < len(rows):
            self._room = np.empty((len(rows), self._memory.shape[1]))
        fresh = self._room[: len(rows)]
        outputs = np.empty((len(rows), sum(len(indicator.outputs) for indicator in self._indicators)))
        columns = [_sealed(getattr(bars, name), np.float64) for name in _fields(self._indicators)]
        indices = _sealed(rows, np.int64), _sealed(bars.offsets, np.int64)
        arguments = (self._memory, *indices, *columns, fresh, outputs)
        with batch._ONE_AT_A_TIME:
            batch._run(_kernel(self._indicators), self._on_compile, arguments)
        return fresh, outputs

    def keep(self, rows: IntArray, states: FloatArray) -> None:
        """Put states into rows; rows beyond the last are added."""
        n_new = int(rows.max(initial=0)) + 1 - len(self._memory)
        if n_new > 0:
            self._memory = np.concatenate([self._memory, np.empty((n_new, self._memory.shape[1]))])
        self._memory[rows] = states

    def array(self) -> FloatArray:
        """Return all states as packed rows."""
        return self._memory.copy()

    def restore(self, array: FloatArray) -> None:
        """Hold the states of `array` from now on.

        Raises
        ------
        BadInput
            If they are not made by the same steps.
        """
        require_same_start(tuple(_start(indicator) for indicator in self._indicators), array)
        self._memory = np.ascontiguousarray(array, dtype=np.float64)

    def copy(self) -> "PackedStates":
        """Return states that go their own way."""
        other = object.__new__(PackedStates)
        other.__dict__.update(self.__dict__, _memory=self._memory.copy(), _room=self._room[:0])
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


def _start(indicator: Indicator) -> State:
    return indicator.start(*indicator.arguments({}))


def _fields(indicators: Sequence[Indicator]) -> list[str]:
    return sorted({name for indicator in indicators for name in indicator.inputs})


def _source(indicators: tuple[Indicator, ...]) -> str:
    """Return the text of the kernel: for every symbol, for every indicator: unpack, step over the bars, pack."""
    fields = _fields(indicators)
    body: list[str] = []
    at, output = 0, 0
    for i, indicator in enumerate(indicators):
        state = _start(indicator)
        found = list(slots(state, at))
        literals = [repr(value) for value in indicator.arguments({})]
        taken = ", ".join([f"state{i}", *(f"{name}[t]" for name in indicator.inputs), *literals])
        n_outputs = len(indicator.outputs)
        body += [
            f"    state{i} = {_unpacked(state, {slot.path: slot for slot in found})}",
            "    for t in range(first, end):",
            f"        state{i}, value{i} = step{i}({taken})",
        ]
        body += [
            f"        outputs[{output + j}] = value{i}{'' if n_outputs == 1 else f'[{j}]'}" for j in range(n_outputs)
        ]
        body += [f"    own[{slot.at}] = state{i}{slot.path}" for slot in found if slot.kind is not list]
        at, output = found[-1].at + found[-1].size, output + n_outputs
    columns = ", ".join(fields)
    lines = [  # a function for one symbol: Numba's analysis of parallel loops does not understand the tuples
        f"def one(own, outputs, first, end, {columns}):",
        *body,
        "",
        f"def KERNEL(memory, rows, offsets, {columns}, fresh, outputs):",
        "    for i in prange(rows.shape[0]):",
        "        fresh[i] = memory[rows[i]]",
        f"        one(fresh[i], outputs[i], offsets[i], offsets[i + 1], {columns})",
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
