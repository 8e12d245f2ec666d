"""What an ingest and a check answer."""

from dataclasses import dataclass

from openapex.errors import ApexError


@dataclass(frozen=True, slots=True)
class Refused:
    """A delivery that was not stored, with the named cause."""

    symbol: str
    error: ApexError


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an ingest did; once it is returned, the rows survive a kill and a power cut.

    Counts are of bars, those called macro of rows of macro series: one is revised when its value differs from what was
    held of its reference date (see `openapex.store.vintages`).  `n_requested` counts deliveries, `symbols` are those
    stored (or already held unchanged), `refused` the others: ``n_requested == len(stored deliveries) +
    len(refused)``.  `n_superseded` counts rows that lost to another one of the same key: an earlier row of the same
    delivery, or a provisional bar of a settled session.  `version` is the store's version that holds all of it, e.g.
    ``store@42``.
    """

    n_requested: int
    n_new: int
    n_revised: int
    n_unchanged: int
    n_superseded: int
    symbols: tuple[str, ...]
    version: str
    warnings: tuple[str, ...] = ()
    refused: tuple[Refused, ...] = ()
    n_macro_new: int = 0
    n_macro_revised: int = 0
    n_macro_unchanged: int = 0
    n_macro_superseded: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: `rule` is its id, `path` the file, `message` a sentence."""

    rule: str
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.message}"
