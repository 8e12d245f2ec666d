"""The loop over new bars of symbols whose states are kept as rows of one array between calls."""

from collections.abc import Sequence
from typing import Any

from openapex.indicators.lanes.jobs import HEAD, Job, fields_of
from openapex.indicators.lanes.kernel import Writer, planned
from openapex.indicators.lanes.plan import Plan, Slot
from openapex.indicators.lanes.values import INTEGER, Value


def live_arguments_of(jobs: Sequence[Job]) -> list[str]:
    """Return what a live kernel is given: `HEAD`, the packed rows, which row each symbol has, its days, its columns."""
    return [*HEAD, "memory", "rows", "days", *fields_of(jobs)]


def live_module(jobs: Sequence[Job]) -> tuple[str, int]:
    """Return the LLVM code of the function ``run``; its rings are those in the packed rows.

    A row holds every number and ring of the states one after the other, then all outputs of the last bar and its day.

    Raises
    ------
    NotLowered
        If a step uses what cannot be written as machine code.
    """
    writer = _LiveWriter(jobs, planned(jobs, 1, shares=False))
    writer.write()
    return str(writer.module), 0


class _LiveWriter(Writer):
    """Reads states from a symbol's row, takes its bars, and writes them back."""

    def __init__(self, jobs: Sequence[Job], plan: Plan) -> None:
        super().__init__(jobs, plan, 1, live_arguments_of(jobs))
        self._rows = self._builder.inttoptr(self._given["rows"], INTEGER.as_pointer())
        self._places: list[int] = []
        place = 0
        for slot in plan.slots:
            self._places.append(place)
            place += len(slot.start) if isinstance(slot.start, list) else 1
        self._output = place
        self._size = place + sum(len(job.indicator.outputs) for job in jobs) + 1

    def _group(self, at: Any) -> None:
        b = self._builder
        symbol = b.load(b.gep(self._whole["symbols"], [at]))
        row = b.load(b.gep(self._rows, [symbol]))
        self._own = b.gep(self._real["memory"], [b.mul(row, INTEGER(self._size))])
        first = b.load(b.gep(self._whole["offsets"], [symbol]))
        end = b.load(b.gep(self._whole["offsets"], [b.add(symbol, INTEGER(1))]))
        held = [self._kept(slot, place) for slot, place in zip(self._plan.slots, self._places, strict=True)]

        def keep_outputs(t: Any, outputs: Sequence[Sequence[Any]]) -> None:
            for j, value in enumerate(value for values in outputs for value in values):
                b.store(self._lanes.of_lane(value, 0), self._place(self._output + j))

        held = self._bars(held, first, end, lambda t: [t], keep_outputs)
        for slot, value, place in zip(self._plan.slots, held, self._places, strict=True):
            if not isinstance(slot.start, list):
                b.store(self._lanes.code(value, "float", True), self._place(place))
        last = b.load(b.gep(self._real["days"], [b.sub(end, INTEGER(1))]))
        b.store(last, self._place(self._size - 1))

    def _kept(self, slot: Slot, place: int) -> Value:
        if isinstance(slot.start, list):
            return Value(self._place(place), "ring")
        number = self._builder.load(self._place(place))
        if isinstance(slot.start, int):
            return Value(self._builder.fptosi(number, INTEGER), "int")
        return Value(number, "float")

    def _place(self, place: int) -> Any:
        return self._builder.gep(self._own, [INTEGER(place)])
