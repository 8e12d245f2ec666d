"""The states of all steps of a kernel as numbered slots: which differ by lane, which equal others.

The same step of the same inputs, which several signals take, is one: its states begin alike and are given the same
values on every bar, so they stay alike.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from openapex.indicators.lanes.lowering import Call
from openapex.indicators.lanes.values import Value, is_same, leaves_of


@dataclass(slots=True)
class Slot:
    """One number or ring of a state: how it begins, whether lanes differ in it, which earlier slot it equals."""

    start: Any
    is_wide: bool
    same_as: int | None = None
    place: int = 0


@dataclass(frozen=True, slots=True)
class Trial:
    """One bar written to see what comes of it: states before and after it, calls, the slot that a state's code is."""

    before: Sequence[Any]
    after: Sequence[Any]
    calls: Sequence[Call]
    slot_of: Mapping[int, int]


@dataclass(slots=True)
class Plan:
    """All states as numbered slots, and the shape they have in the steps."""

    slots: list[Slot] = field(default_factory=list)
    shapes: list[Any] = field(default_factory=list)

    @property
    def ring_size(self) -> int:
        """Numbers that all rings of one lane hold."""
        return sum(len(slot.start) for slot in self.rings())

    def rings(self) -> Iterator[Slot]:
        """Yield the rings that have memory of their own."""
        return (slot for slot in self.slots if isinstance(slot.start, list) and slot.same_as is None)

    def numbers(self) -> list[int]:
        """Return the slots that are carried from bar to bar."""
        return [i for i, slot in enumerate(self.slots) if slot.same_as is None and not isinstance(slot.start, list)]


def refined(plan: Plan, trial: Trial, *, shares: bool) -> bool:
    """Return whether one trial showed slots that differ by lane, or equal others."""
    is_new = False
    for slot, value in zip(plan.slots, trial.after, strict=True):
        if isinstance(value, Value) and value.is_wide and not slot.is_wide and not isinstance(slot.start, list):
            slot.is_wide = is_new = True
    if is_new or not shares:
        return is_new
    seen: dict[Any, list[int]] = {}
    for call in trial.calls:
        held = _states_of(call, trial)
        if held is not None:
            mark = (call[0], _marks(call[1][1:]), tuple(repr(plan.slots[slot].start) for slot in held))
            for own, other in zip(held, seen.setdefault(mark, held), strict=True):
                first, later = min(own, other), max(own, other)
                if first != later and plan.slots[later].same_as is None and plan.slots[first].same_as is None:
                    plan.slots[later].same_as = first
                    is_new = True
    return is_new


def _states_of(call: Call, trial: Trial) -> list[int] | None:
    """Return the slots that a call took as its state, if they are what it gave back to them; otherwise None."""
    _, arguments, result = call
    if not isinstance(result, tuple) or not arguments:
        return None
    before = [trial.slot_of.get(id(leaf.code)) if isinstance(leaf, Value) else None for leaf in leaves_of(arguments[0])]
    held = [slot for slot in before if slot is not None]
    returned = list(leaves_of(result[0]))
    if not held or len(held) < len(before) or len(returned) != len(held):
        return None
    is_given_back = all(is_same(trial.after[slot], leaf) for slot, leaf in zip(held, returned, strict=True))
    return held if is_given_back else None


def _marks(values: Any) -> Any:
    if isinstance(values, tuple | list):
        return tuple(_marks(value) for value in values)
    return id(values.code) if isinstance(values, Value) else repr(values)


def numbered(start: Any, numbers: Iterator[int]) -> Any:
    """Return a state with the number of its slot in place of each leaf."""
    return tuple(numbered(part, numbers) for part in start) if isinstance(start, tuple) else next(numbers)


def filled(shape: Any, held: Sequence[Any]) -> Any:
    """Return a state with a value in place of the number of each slot."""
    return tuple(filled(part, held) for part in shape) if isinstance(shape, tuple) else held[shape]
