"""The answer for a name that a file does not hold, worded when it is read: finding the nearest name takes a scan."""

import difflib
from collections.abc import Callable, Sequence

from openapex.errors import ApexError, UnknownSymbol
from openapex.sources.source import Failure


class _Sentence:
    """A text that is made when it is first read (a report asks for benchmarks it can do without)."""

    def __init__(self, make: Callable[[], str]) -> None:
        self._make = make
        self._text: str | None = None

    def __str__(self) -> str:
        if self._text is None:
            self._text = self._make()
        return self._text

    def __repr__(self) -> str:
        return repr(str(self))

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (str(self),)


def unheld(
    symbol: str, held: Callable[[], Sequence[str]], place: str, what: str = "symbols", aside: str = ""
) -> Failure:
    """Return the failure that says that `place` does not hold a symbol, and which of the `held` is nearest."""
    return Failure(symbol, UnknownSymbol(_Sentence(lambda: _worded(symbol, held, place, what, aside))))


def _worded(symbol: str, held: Callable[[], Sequence[str]], place: str, what: str, aside: str) -> str:
    try:
        names = held()
    except ApexError:  # the file went away since: the answer stands without a hint
        names = ()
    near = difflib.get_close_matches(symbol, names, n=1, cutoff=0.6)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    rule = f"{names[0]!r}, the only one in {place}" if len(names) == 1 else f"one of the {len(names)} {what} in {place}"
    return f"symbol is {symbol!r}, must be {rule}.{hint}{aside}"
