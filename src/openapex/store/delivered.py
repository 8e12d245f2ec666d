"""What the store takes in: the shape of a delivery, without knowing who makes it."""

from typing import Protocol

import polars as pl

from openapex.adjust import Basis


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
    def n_superseded(self) -> int:
        """Rows that the source itself replaced by a later one."""
        ...
