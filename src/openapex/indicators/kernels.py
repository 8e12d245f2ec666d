"""Machine code of jobs: compiled once, kept on disk, run in threads over symbols.

A kernel's name carries a fingerprint of every step in it, so a changed step is compiled anew.
"""

import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import count
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, TypeAlias

import numpy as np

from openapex.bars import FloatArray, IntArray
from openapex.errors import ApexError
from openapex.indicators import lanes
from openapex.indicators.step import Indicator

AnyArray: TypeAlias = FloatArray | IntArray
Progress: TypeAlias = Callable[[str], None]
"""Told what is about to be compiled, e.g. to say so on stderr."""

UNSAID = -1
CHUNK = 64
"""Symbols that a thread takes at a time."""
WORTH_THREADS = 20_000
"""Bars from which further threads are started: that takes 0.1 ms."""


class MissingCompiler(ApexError):
    """llvmlite cannot be imported; `openapex.indicators.interpreted` computes the same numbers without it."""


class Kernel:
    """Machine code of some jobs, loaded from disk or compiled.

    Parameters
    ----------
    jobs : sequence of Job
        What is run.
    kind : str
        What else the code depends on: how it was written.
    write : callable
        ``write()`` gives the LLVM code and how many numbers its rings hold; called only where nothing lies on disk.
    on_compile : callable, optional
        As in `compiled`.
    width : int, default 1
        Symbols side by side.
    """

    def __init__(
        self,
        jobs: Sequence[lanes.Job],
        kind: str,
        write: Callable[[], tuple[str, int]],
        on_compile: Progress | None,
        width: int = 1,
    ) -> None:
        machine = _machine()
        name = _fingerprint(jobs, f"{kind} {machine.processor()}")
        held = machine.read_kernel(name)
        if held is None:
            if on_compile is not None:
                on_compile(", ".join(job.indicator.name for job in jobs))
            text, n_ring = write()
            held = n_ring.to_bytes(8, "little") + machine.machine_code(text)
            machine.write_kernel(name, held)
        self._n_ring = int.from_bytes(held[:8], "little")
        self._n_own = width * lanes.n_ranks(jobs)
        self._run = machine.loaded(held[8:])

    def over(
        self, symbols: IntArray, offsets: IntArray, keep: int, arrays: Sequence[AnyArray], n_threads: int
    ) -> IntArray:
        """Run symbols in the order given; return a verdict on each, 0 where it is done."""
        todo, verdicts = np.ascontiguousarray(symbols, dtype=np.int64), np.full(len(symbols), UNSAID, dtype=np.int64)
        begins = count(0, CHUNK)
        longest = int(np.diff(offsets).max(initial=0)) if self._n_own else 0

        def work() -> None:
            rings = np.empty(self._n_ring + self._n_own * longest + 8)
            ring = rings.ctypes.data + -rings.ctypes.data % 64
            while (begin := next(begins)) < len(todo):
                own, said = todo[begin : begin + CHUNK], verdicts[begin : begin + CHUNK]
                head = (own.ctypes.data, len(own), offsets.ctypes.data, ring, said.ctypes.data, keep)
                arguments = np.array([*head, *(array.ctypes.data for array in arrays)], dtype=np.int64)
                self._run(arguments.ctypes.data)

        others = [threading.Thread(target=work) for _ in range(min(n_threads, -(-len(todo) // CHUNK)) - 1)]
        for thread in others:
            thread.start()
        try:
            work()
        finally:  # each thread holds the arrays that it writes to, also where Ctrl-C ends the wait for it
            for thread in others:
                thread.join()
        if (verdicts == UNSAID).any():  # what ended the thread is on stderr
            raise ApexError(f"{np.count_nonzero(verdicts == UNSAID)} symbols were not run: a thread ended early")
        return verdicts


def threads_for(n_bars: int) -> int:
    """Return how many threads some bars are worth: those of ``APEX_THREADS``, or as many as there are processors."""
    if n_bars < WORTH_THREADS:
        return 1
    told = os.environ.get("APEX_THREADS", "")
    if told.isdigit() and int(told):
        return int(told)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def ready_to_run() -> None:
    """Import what loads machine code (40 ms), where there is something else to wait for.

    Raises
    ------
    MissingCompiler
        If llvmlite cannot be imported.
    """
    _machine().processor()


def _machine() -> ModuleType:
    try:
        from openapex.indicators.lanes import machine
    except ImportError as error:
        words = f"llvmlite is missing ({error}), must be installed to compile: pip install llvmlite"
        raise MissingCompiler(words) from error
    return machine


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
    code = function.__code__
    cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
    found = {name: cell.cell_contents for name, cell in cells}
    found |= {name: function.__globals__[name] for name in code.co_names if name in function.__globals__}
    for module in [value for value in found.values() if isinstance(value, ModuleType)]:
        attributes = (name for name in code.co_names if hasattr(module, name))
        found |= {f"{module.__name__}.{name}": getattr(module, name) for name in attributes}
    return found


def _fingerprint(jobs: Sequence[lanes.Job], kind: str) -> str:
    """Return a mark that changes with the processor, the compiler, any step, or a constant that one of them names."""
    digest = hashlib.sha256(f"{kind} {_compiler()}".encode())
    for job in jobs:
        own = job.indicator
        wanted = (job.arguments, job.histories, job.ranks, job.has_tail)
        digest.update(repr((own.name, own.inputs, len(own.outputs), *wanted)).encode())
        digest.update(repr(own.start(*job.arguments)).encode())
        for part in _parts(own):
            digest.update(_text(part))
    return digest.hexdigest()[:32]


@cache
def _compiler() -> str:
    """Return a digest of what writes the code."""
    folder = Path(lanes.__file__).parent
    return hashlib.sha256(b"".join(file.read_bytes() for file in sorted(folder.glob("*.py")))).hexdigest()


def _text(function: FunctionType) -> bytes:
    code = function.__code__
    named = _named(function).items()
    constants = sorted((name, value) for name, value in named if isinstance(value, int | float | str | tuple))
    return f"{code.co_code!r} {code.co_consts!r} {code.co_names} {code.co_varnames} {constants!r}\n".encode()
