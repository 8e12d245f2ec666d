"""What the store takes in: the shape of a delivery, without knowing who makes it."""

from typing import Protocol

import polars as pl

from openapex.adjust import Basis
from openapex.store.tables import TABLES, Kind


class Delivered(Protocol):
    """What a source says of one symbol: the shape of `openapex.sources.source.Delivery`.

    Spelled out here because sources and store do not know each other.
    """

    @property
    def symbol(self) -> str:
        """Spelled as the source spells it; any text."""
        ...

    @property
    def source(self) -> str:
        """Name of the source."""
        ...

    @property
    def simulated(self) -> bool:
        """Whether the rows are made up."""
        ...

    @property
    def basis(self) -> Basis:
        """What the prices mean."""
        ...

    @property
    def bars(self) -> pl.DataFrame:
        """Rows in `BAR_SCHEMA`."""
        ...

    @property
    def actions(self) -> pl.DataFrame:
        """Rows in `ACTION_SCHEMA`."""
        ...

    @property
    def headlines(self) -> pl.DataFrame:
        """Rows in `HEADLINE_SCHEMA`."""
        ...

    @property
    def facts(self) -> pl.DataFrame:
        """Rows in `FACT_SCHEMA`."""
        ...

    @property
    def macro(self) -> pl.DataFrame:
        """Rows in `MACRO_SCHEMA`, of the series called `symbol`; then there are no other rows."""
        ...

    @property
    def n_superseded(self) -> int:
        """Rows that the source itself replaced by a later one."""
        ...


def delivered_rows(delivery: Delivered, kind: Kind) -> pl.DataFrame:
    """Return the rows of one kind, their columns spelled as they are stored."""
    rows: pl.DataFrame = getattr(delivery, kind)
    return rows.rename(TABLES[kind].border) if kind == "macro" else rows
