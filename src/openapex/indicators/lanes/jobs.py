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
    """An indicator with its parameters, and what is wanted of it.

    Parameters
    ----------
    histories : tuple of int
        Outputs that are wanted on every bar.
    ranks : tuple of int
        Outputs whose last value's place in its own history is wanted, as `openapex.indicators.percent_rank` gives it
        of the known ones; the history itself is not kept.
    has_tail : bool
        Whether all outputs are wanted on the last bars.
    """

    indicator: Indicator
    arguments: tuple[int | float, ...]
    histories: tuple[int, ...] = ()
    ranks: tuple[int, ...] = ()
    has_tail: bool = True


def fields_of(jobs: Sequence[Job]) -> list[str]:
    """Return the columns that are read: inputs that are no earlier indicator's name."""
    names = {job.indicator.name for job in jobs}
    return sorted({name for job in jobs for name in job.indicator.inputs} - names)


def arguments_of(jobs: Sequence[Job]) -> list[str]:
    """Return what a kernel is given, in order: ``history 0 2`` (job, output), then ``rank 0 2``, then ``tail 0``."""
    histories = [f"history {i} {j}" for i, job in enumerate(jobs) for j in job.histories]
    ranks = [f"rank {i} {j}" for i, job in enumerate(jobs) for j in job.ranks]
    tails = [f"tail {i}" for i, job in enumerate(jobs) if job.has_tail]
    return [*HEAD, *fields_of(jobs), *histories, *ranks, *tails]


def n_ranks(jobs: Sequence[Job]) -> int:
    """Return how many histories a kernel keeps for itself while it runs over a few symbols."""
    return sum(len(job.ranks) for job in jobs)
