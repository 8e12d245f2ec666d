"""Every error that openapex raises on purpose, drawn as a tree.

::

    ApexError
    ├── BadInput              an argument breaks its rule            (also a ValueError)
    │   ├── UnknownName       a name that is not one of the choices
    │   ├── BadExpression     a condition that breaks the grammar, a limit or a type
    │   └── UnreadableData    a file or frame whose columns or values cannot be understood
    ├── NoData                nothing (or not enough) to answer with
    │   ├── UnknownSymbol     the source or file does not hold the symbol
    │   └── InsufficientHistory
    ├── SourceError           a provider did not deliver
    │   ├── RateLimited
    │   ├── NetworkError
    │   ├── BadPayload
    │   └── AdjustmentMismatch  provider's adjusted prices contradict its own actions
    └── StoreError            the local store could not be read or written
        └── CorruptStore
"""

import difflib
from collections.abc import Iterable


class ApexError(Exception):
    """Base of every error raised on purpose; catch it to catch them all."""


class BadInput(ApexError, ValueError):
    """An argument breaks its rule; the message says *name is value, must be rule*."""


class UnknownName(BadInput):
    """A name that is none of the valid choices; the message offers the nearest one."""

    def __init__(self, what: str, name: str, choices: Iterable[str]) -> None:
        known = sorted(choices)
        near = difflib.get_close_matches(name.lower(), [k.lower() for k in known], n=1, cutoff=0.6)
        hint = f" Did you mean {next(k for k in known if k.lower() == near[0])!r}?" if near else ""
        shown = ", ".join(known[:12]) + (f", … ({len(known)} in all)" if len(known) > 12 else "")
        super().__init__(f"{what} is {name!r}, must be one of: {shown}.{hint}")


class BadExpression(BadInput):
    """A condition that breaks the grammar, a limit or a type; `position` is the character it is about, from 1."""

    def __init__(self, message: str, position: int = 1) -> None:
        self.position = position
        super().__init__(message)


class UnreadableData(BadInput):
    """A file or frame whose columns or values cannot be understood."""


class NoData(ApexError):
    """There is nothing, or not enough, to answer with."""


class UnknownSymbol(NoData):
    """The source, file or store does not hold the symbol."""


class InsufficientHistory(NoData):
    """The symbol has fewer bars than the question needs."""

    def __init__(self, symbol: str, n_bars: int, n_needed: int) -> None:
        self.symbol, self.n_bars, self.n_needed = symbol, n_bars, n_needed
        super().__init__(f"{symbol} has {n_bars} bars, must be at least {n_needed} (insufficient history)")


class SourceError(ApexError):
    """A provider did not deliver; says nothing about whether the symbol exists."""


class RateLimited(SourceError):
    """The provider refused because of too many requests (HTTP 429 and its disguises)."""


class NetworkError(SourceError):
    """DNS, TLS, connection or time-out: the provider was not reached."""


class BadPayload(SourceError):
    """The provider answered with something that is not the data it promised."""


class AdjustmentMismatch(SourceError):
    """The provider's adjusted prices contradict its own raw prices and actions."""


class StoreError(ApexError):
    """The local store could not be read or written."""


class CorruptStore(StoreError):
    """The local store fails its own verification."""
