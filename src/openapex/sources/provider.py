"""What every provider asked over the network does alike: checked limits, one answer a name, one deadline for all."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime

from openapex.errors import ApexError, BadInput
from openapex.sources.pace import Timers
from openapex.sources.source import Answer, Failure


class Provider(ABC):
    """A source behind a network; a subclass answers for one name.

    Parameters
    ----------
    now : callable
        The time, aware of its zone.
    timers : Timers
        Clock, sleep and chance.
    requests_per_second : float
        Rate of the request cap, above 0.
    retries : int
        Further tries after a fault that may pass, at least 0.
    deadline_s : float or None
        Longest time one `fetch` may take; names left over are named failures.  None is as long as it takes.

    Raises
    ------
    BadInput
        If a number breaks its rule.
    """

    simulated = False
    is_network = True

    def __init__(
        self,
        now: Callable[[], datetime],
        timers: Timers,
        *,
        requests_per_second: float,
        retries: int,
        deadline_s: float | None,
    ) -> None:
        if not requests_per_second > 0:
            raise BadInput(f"requests_per_second is {requests_per_second!r}, must be above 0")
        if retries < 0:
            raise BadInput(f"retries is {retries!r}, must be at least 0")
        if deadline_s is not None and not deadline_s > 0:
            raise BadInput(f"deadline_s is {deadline_s!r}, must be above 0 or None")
        self._now, self._timers, self._deadline_s = now, timers, deadline_s

    def fetch(self, symbols: Sequence[str], *, start: date | None = None, end: date | None = None) -> Iterator[Answer]:
        """Yield one answer per name, in the order asked (see `Source.fetch`).

        Raises
        ------
        BadInput
            If `start` is after `end`.
        """
        if start and end and start > end:
            raise BadInput(f"start is {start}, must not be after end, {end}")
        return self._answers(symbols, start, end)

    def _answers(self, symbols: Sequence[str], start: date | None, end: date | None) -> Iterator[Answer]:
        until = None if self._deadline_s is None else self._timers.monotonic() + self._deadline_s
        for symbol in symbols:
            try:
                yield self._answer(symbol, start, end, until)
            except ApexError as error:
                yield Failure(symbol, error)

    @abstractmethod
    def _answer(self, symbol: str, start: date | None, end: date | None, until: float | None) -> Answer:
        """Return the answer for one name, before the deadline `until` on the clock of the timers."""
