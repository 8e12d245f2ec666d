"""How fast a provider may be asked: a cap for the whole process, back-off with jitter, a circuit breaker."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

BURST = 8
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 30.0
BREAK_AFTER = 8
COOL_DOWN_S = 60.0
SHORTEST_TIMEOUT_S = 0.05


@dataclass(frozen=True, slots=True)
class Timers:
    """Time, sleep and chance as arguments, so that tests never wait.

    Parameters
    ----------
    monotonic : callable
        Seconds on a clock that never goes back.
    sleep : callable
        ``sleep(seconds)``.
    chance : callable
        A number in [0, 1), for the jitter.
    """

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random

    def left(self, longest_s: float, until: float | None) -> float:
        """Return the time-out of a request: `longest_s`, or what is left until a deadline, never nothing."""
        return longest_s if until is None else max(SHORTEST_TIMEOUT_S, min(longest_s, until - self.monotonic()))


SYSTEM = Timers()


class RequestCap:
    """At most so many requests a second, after a first burst of `BURST`; safe to share between threads.

    Examples
    --------
    >>> waits = []
    >>> cap = RequestCap(Timers(monotonic=lambda: 0.0, sleep=waits.append))
    >>> for _ in range(BURST + 2):
    ...     cap.wait(requests_per_second=2.0)
    >>> waits
    [0.5, 1.0]
    """

    def __init__(self, timers: Timers = SYSTEM) -> None:
        self._timers = timers
        self._lock = threading.Lock()
        self._next = float("-inf")

    def wait(self, requests_per_second: float) -> None:
        """Sleep until this request may be sent."""
        gap = 1.0 / requests_per_second
        with self._lock:
            now = self._timers.monotonic()
            self._next = max(self._next, now - (BURST - 1) * gap)
            delay = self._next - now
            self._next += gap
        if delay > 0:
            self._timers.sleep(delay)

    def pause(self, seconds: float) -> None:
        """Let nobody send for `seconds` (a provider's Retry-After)."""
        with self._lock:
            self._next = max(self._next, self._timers.monotonic() + seconds)


class Breaker:
    """Opens after `BREAK_AFTER` refusals in a row; one request is let through when the cool-down is over."""

    def __init__(self, timers: Timers = SYSTEM) -> None:
        self._timers = timers
        self._lock = threading.Lock()
        self._n_refused = 0
        self._closed_at = float("-inf")

    @property
    def n_refused(self) -> int:
        """Number of refusals in a row so far."""
        return self._n_refused

    def is_open(self) -> bool:
        """Return whether requests must not be sent now; the first caller after the cool-down is let through."""
        with self._lock:
            now = self._timers.monotonic()
            if self._n_refused < BREAK_AFTER:
                return False
            if now < self._closed_at:
                return True
            self._closed_at = now + COOL_DOWN_S
            return False

    def refused(self, retry_after_s: float | None = None) -> None:
        """Count one refusal."""
        with self._lock:
            self._n_refused += 1
            self._closed_at = self._timers.monotonic() + max(COOL_DOWN_S, retry_after_s or 0.0)

    def answered(self) -> None:
        """Forget the refusals: the provider answered."""
        with self._lock:
            self._n_refused = 0


def backoff(attempt: int, chance: float, retry_after_s: float | None = None) -> float:
    """Return the seconds to wait before try ``attempt + 1``.

    Doubles from `FIRST_WAIT_S` up to `LONGEST_WAIT_S`, of which a random half to whole is taken, so that many clients
    do not come back together; never less than the provider's own Retry-After.

    Examples
    --------
    >>> [backoff(attempt, chance=0.0) for attempt in range(4)], backoff(0, 0.5, retry_after_s=20.0)
    ([0.5, 1.0, 2.0, 4.0], 20.75)
    """
    wait = min(FIRST_WAIT_S * 2.0**attempt, LONGEST_WAIT_S) * (0.5 + 0.5 * chance)
    return wait if retry_after_s is None else retry_after_s + wait


process_cap = RequestCap()
"""Yahoo's one cap of this process, used by every Yahoo source that runs on the system's clock."""
