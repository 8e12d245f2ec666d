"""What a kernel is asked to do, and what it is given; without a compiler."""

from collections.abc import Sequence
from dataclasses import dataclass

from openapex.errors import BadInput
from openapex.indicators.step import Indicator

HEAD = ("symbols", "n_symbols", "offsets", "rings", "verdicts", "keep")
"""The numbers and addresses that a kernel is given before those of its columns."""
OFF, SPOILED = 1, 2
"""Verdicts on a symbol that was not finished: its own gap fell alone, or a neighbour's did."""


class NotLowered(BadInput):
    """A step uses what cannot be written as machine code; `openapex.indicators.interpreted` runs it."""


@dataclass(frozen=True, slots=True)
class Job:
    """An indicator with its parameters; which outputs are wanted on every bar, and whether all are on the last ones."""

    indicator: Indicator
    arguments: tuple[int | float, ...]
    histories: tuple[int, ...] = ()
    has_tail: bool = True


def fields_of(jobs: Sequence[Job]) -> list[str]:
    """Return the columns that are read: inputs that are no earlier indicator's name."""
    names = {job.indicator.name for job in jobs}
    return sorted({name for job in jobs for name in job.indicator.inputs} - names)


def arguments_of(jobs: Sequence[Job]) -> list[str]:
    """Return what a kernel is given, in order: by name, histories as ``history 0 2`` (job, output), then ``tail 0``."""
    histories = [f"history {i} {j}" for i, job in enumerate(jobs) for j in job.histories]
    return [*HEAD, *fields_of(jobs), *histories, *(f"tail {i}" for i, job in enumerate(jobs) if job.has_tail)]
