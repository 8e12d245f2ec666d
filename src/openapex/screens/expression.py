"""Conditions on the rows of a scan: ``rsi < 42 and relative_volume >= 2 and verdict == 'BUY'``.

Read by a grammar of our own (`openapex.screens.grammar`), checked when read, turned into a Polars expression.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from openapex.errors import BadInput
from openapex.screens.columns import COLUMNS, Column, Kind
from openapex.screens.grammar import Reader


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """A condition that has been read and checked.

    Parameters
    ----------
    text : str
        As it was typed.
    kinds : mapping of column name to kind
        The columns it uses, in the order of their first use, and what each must hold.
    """

    text: str
    kinds: Mapping[str, Kind]
    _expr: pl.Expr = field(repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns it uses, in the order of their first use."""
        return tuple(self.kinds)

    def expr(self) -> pl.Expr:
        """Return it as a Polars expression: true, false, or null where unknown."""
        return self._expr

    def filter(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the rows for which it is true; a row for which it is unknown is no hit.

        Raises
        ------
        BadInput
            If the frame lacks a column of the condition or holds something else in it.
        """
        for name, kind in self.kinds.items():
            if name not in frame.columns:
                raise BadInput(f"frame has no column {name}, must have it for the condition {self.text!r}")
            if not _fits(frame.schema[name], kind):
                raise BadInput(f"column {name} is of type {frame.schema[name]}, must be a {kind}")
        return frame.filter(self._expr)

    def __and__(self, other: "Expression") -> "Expression":
        """Return the condition that both hold, as a preset narrowed by ``--where``."""
        text = f"({self.text}) and ({other.text})"
        return Expression(text, {**self.kinds, **other.kinds}, self._expr & other._expr)


def _fits(dtype: pl.DataType, kind: Kind) -> bool:
    if dtype == pl.Null:
        return True
    if isinstance(dtype, pl.List):
        return kind == "list of text" and _fits(dtype.inner, "text")  # type: ignore[arg-type]
    return {
        "number": dtype.is_numeric(),
        "text": dtype in (pl.String, pl.Categorical, pl.Enum),
        "flag": dtype == pl.Boolean,
        "date": dtype == pl.Date,
    }.get(kind, False)


def parsed(text: str, columns: Mapping[str, Column] = COLUMNS) -> Expression:
    """Return the condition that a text says.

    Parameters
    ----------
    text : str
        At most 2,000 characters and 300 words, nested at most 50 deep; see ``docs/screens.md``.
    columns : mapping of name to Column, default `COLUMNS`
        What it may name.

    Raises
    ------
    BadExpression
        If it breaks the grammar, a limit, or compares what cannot be compared; the message points at the place.
    UnknownName
        If it names a column, a function, a verdict or an event that does not exist, with the nearest one.

    Notes
    -----
    Unknown (null, NaN, infinite, anything divided by zero) makes a comparison unknown; ``not unknown`` is unknown.

    Examples
    --------
    >>> dip = parsed("35 <= rsi <= 42 and verdict == 'BUY'")
    >>> dip.names
    ('rsi', 'verdict')
    >>> frame = pl.DataFrame({"rsi": [36.0, 36.0, None], "verdict": ["BUY", None, "BUY"]})
    >>> dip.filter(frame).rows()
    [(36.0, 'BUY')]
    >>> parsed("rsi < 'x'")
    Traceback (most recent call last):
    openapex.errors.BadExpression: 'x' is text, must be a number to be compared with rsi (character 7)
      rsi < 'x'
            ^^^
    """
    reader = Reader(text, columns)
    term = reader.condition()
    return Expression(text, {name: columns[name].kind for name in reader.names}, term.expr)
