"""Ask a provider, and ask again after a fault that may pass, until the answer, the last try or the deadline."""

from collections.abc import Callable
from typing import TypeVar

from openapex.errors import BadPayload, NetworkError, RateLimited
from openapex.sources.http_faults import Refused
from openapex.sources.pace import BREAK_AFTER, LONGEST_WAIT_S, Breaker, RequestCap, Timers, backoff

RETRYABLE = (RateLimited, NetworkError, BadPayload)

UNREACHABLE_AFTER = 3
"""Symbols in a row that end in a network fault, after all tries, before the rest of a fetch is not asked for; one is
enough while the provider has never answered."""

T = TypeVar("T")


class Patience:
    """Retries with back-off behind one circuit breaker; safe to use from several threads.

    Parameters
    ----------
    provider : str
        Its name, for messages.
    timers : Timers
        Clock, sleep and chance.
    cap : RequestCap
        The request cap, held back when the provider names a waiting time.
    final : tuple of error classes
        Faults that another try cannot heal.
    """

    def __init__(self, provider: str, timers: Timers, cap: RequestCap, final: tuple[type[Exception], ...] = ()) -> None:
        self._provider, self._timers, self._cap, self._final = provider, timers, cap, final
        self._breaker = Breaker(timers)
        self._has_answered = False
        self._n_unreachable = 0

    def ask(self, symbol: str, once: Callable[[], T], until: float | None, retries: int) -> T:
        """Return what `once` returns, called up to ``1 + retries`` times.

        Parameters
        ----------
        symbol : str
            What is asked for, for messages.
        once : callable
            Sends one request; raises a `SourceError` for a fault that may pass.
        until : float or None
            Deadline on the clock of the timers.
        retries : int
            Further tries.

        Raises
        ------
        RateLimited, NetworkError, BadPayload
            The fault of the last try; `NetworkError` also past the deadline, `RateLimited` through an open breaker.
        """
        attempt = 0
        while True:
            self._check_may_ask(symbol, until)
            try:
                answer = once()
            except RETRYABLE as error:
                wait = self._wait_before_retry(error, attempt, 1 + retries, until)
                if wait is None:
                    self._n_unreachable += isinstance(error, NetworkError)
                    raise
                self._timers.sleep(wait)
                attempt += 1
            else:
                self._breaker.answered()
                self._has_answered, self._n_unreachable = True, 0
                return answer

    def _check_may_ask(self, symbol: str, until: float | None) -> None:
        """Refuse to ask past the deadline or through an open breaker."""
        if until is not None and self._timers.monotonic() >= until:
            raise NetworkError(f"{symbol} was not asked for: the deadline of this fetch is over")
        if self._n_unreachable >= (UNREACHABLE_AFTER if self._has_answered else 1):
            raise NetworkError(f"{symbol} was not asked for: {self._provider} could not be reached")
        if self._breaker.is_open():
            n = self._breaker.n_refused
            raise Refused(
                f"{symbol} was not asked for: {self._provider} refused {n} requests in a row (at least {BREAK_AFTER} "
                "stop the run); try again later"
            )

    def _wait_before_retry(self, error: Exception, attempt: int, n_tries: int, until: float | None) -> float | None:
        """Return the seconds to wait before the next try, or None when there is none worth making."""
        told = error.retry_after_s if isinstance(error, Refused) else None
        if isinstance(error, Refused):
            self._breaker.refused(told)
            self._cap.pause(min(told or 0.0, LONGEST_WAIT_S))
        wait = backoff(attempt, self._timers.chance(), told)
        is_late = until is not None and self._timers.monotonic() + wait >= until
        is_final = isinstance(error, self._final) or attempt + 1 >= n_tries
        return None if is_final or is_late or (told or 0.0) > LONGEST_WAIT_S else wait
