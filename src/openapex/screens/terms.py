"""Typed parts of a condition and what may be done with them; each is a Polars expression that is null where unknown.

A number that is null, NaN or infinite is unknown, and so is whatever is computed or compared from it.  ``and``, ``or``
and ``not`` follow Kleene: unknown unless the known side decides.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from operator import add, eq, ge, gt, le, lt, mul, ne, sub, truediv
from typing import Any

import polars as pl

from openapex.errors import BadExpression, UnknownName
from openapex.screens.columns import Column, Kind
from openapex.screens.words import Word, fault

_NOT_FINITE = (float("inf"), float("-inf"), float("nan"))
_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {"<": lt, "<=": le, ">": gt, ">=": ge, "==": eq, "!=": ne}
_COMPUTE: Mapping[str, Callable[[Any, Any], Any]] = {"+": add, "-": sub, "*": mul, "/": truediv}
_DTYPES: Mapping[Kind, Any] = {
    "number": pl.Float64, "text": pl.String, "flag": pl.Boolean, "date": pl.Date, "list of text": pl.List(pl.String),
}  # fmt: skip
_WORDS: Mapping[Kind, str] = {
    "number": "a number", "text": "text", "flag": "a condition", "date": "a date", "list of text": "a list",
}  # fmt: skip
FUNCTIONS = ("abs", "max", "min")


@dataclass(frozen=True, slots=True)
class Term:
    """A typed part of a condition and its place in the source.

    `value` is that of a constant, else None; `has_name` tells whether a column is in it; `is_raw` whether an unknown
    number in it may still be NaN or infinite.
    """

    kind: Kind
    expr: pl.Expr
    source: str
    at: int
    end: int
    has_name: bool = False
    value: float | str | date | None = None
    choices: tuple[str, ...] = ()
    is_raw: bool = False

    @property
    def words(self) -> str:
        """The part as the user typed it, cut where long."""
        typed = self.source[self.at : self.end]
        return typed if len(typed) <= 40 else typed[:39] + "…"

    @property
    def settled(self) -> pl.Expr:
        """The expression with null for what is not finite."""
        # `replace` names its input once.  A `when` (as `fill_nan` is) names it twice: 20 divisions in a row would be
        # a tree of a million nodes; and Polars 2.1 gives one row for ``lit(0) < -when(...)`` where all rows are null.
        return self.expr.replace(_NOT_FINITE, None) if self.is_raw else self.expr

    def fault(self, problem: str) -> BadExpression:
        """Return the error that points at this part."""
        return fault(self.source, self.at, self.end, problem)

    def must_be(self, kind: Kind, why: str) -> None:
        """Raise unless it is of this kind."""
        if self.kind != kind:
            raise self.fault(f"{self.words} is {_WORDS[self.kind]}, must be {_WORDS[kind]} {why}")


def constant(word: Word, source: str) -> Term:
    """Return a number or text that stands in the condition itself."""
    value = float(word.text) if word.kind == "number" else word.text
    return Term("number" if word.kind == "number" else "text", pl.lit(value), source, word.at, word.end, value=value)


def named(word: Word, source: str, column: Column) -> Term:
    """Return a column."""
    expr, is_raw = pl.col(word.text).cast(_DTYPES[column.kind]), column.kind == "number"
    return Term(column.kind, expr, source, word.at, word.end, True, choices=column.choices, is_raw=is_raw)


def _made(kind: Kind, expr: pl.Expr, parts: Sequence[Term], is_raw: bool = False) -> Term:
    has_name = any(part.has_name for part in parts)
    return Term(kind, expr, parts[0].source, parts[0].at, parts[-1].end, has_name, is_raw=is_raw)


def computed(left: Term, sign: str, right: Term) -> Term:
    """Return ``left sign right`` for + - * /; unknown where the result is not finite, as after a division by zero."""
    for side in (left, right):
        side.must_be("number", f"for {sign}")
    # What is not finite stays so under + - * and as a dividend, so it is settled only where it could be lost.
    other = right.settled if sign == "/" else right.expr
    return _made("number", _COMPUTE[sign](left.expr, other), [left, right], is_raw=True)


def negated(term: Term) -> Term:
    """Return the number with its sign turned."""
    term.must_be("number", "for -")
    if isinstance(term.value, float):
        return replace(term, expr=pl.lit(-term.value), value=-term.value)
    return replace(term, expr=-term.expr)


def called(function: str, arguments: Sequence[Term]) -> Term:
    """Return abs of one number, or max or min of two or more; unknown where an argument is."""
    for argument in arguments:
        argument.must_be("number", f"for {function}")
    if function == "abs":
        return _made("number", arguments[0].expr.abs(), arguments, is_raw=arguments[0].is_raw)
    # Nulls sort first, so one unknown makes the answer unknown (`min_horizontal` would skip it).
    ordered = pl.concat_list([argument.settled for argument in arguments]).list.sort(descending=function == "max")
    return _made("number", ordered.list.first(), arguments)


def compared(left: Term, sign: str, right: Term) -> Term:
    """Return the condition ``left sign right``."""
    left, right = _dated(left, right), _dated(right, left)
    _check_comparable(left, sign, right)
    return _made("flag", _COMPARE[sign](left.settled, right.settled), [left, right])


def _check_comparable(left: Term, sign: str, right: Term) -> None:
    for side in (left, right):
        if side.kind in ("flag", "list of text"):
            example = "rsi < 42" if side.kind == "flag" else "'golden_cross' in events"
            raise side.fault(f"{side.words} is {_WORDS[side.kind]}, must be a value for {sign} (as in {example})")
    if left.kind != right.kind:
        wrong, other = (left, right) if right.has_name else (right, left)
        wrong.must_be(other.kind, f"to be compared with {other.words}")
    if left.kind == "text" and sign not in ("==", "!=", "in"):
        raise left.fault(f"sign is {sign} between texts, must be == or != (text has no order here)")
    if not left.has_name and not right.has_name:
        raise _made("flag", left.expr, [left, right]).fault("comparison names no column, must name at least one")
    for side, other in ((left, right), (right, left)):
        _check_choice(side.value, other)


def _dated(term: Term, other: Term) -> Term:
    """Return a constant text as a date where it stands against a date."""
    if other.kind != "date" or not isinstance(term.value, str):
        return term
    try:
        day = date.fromisoformat(term.value if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", term.value) else "")
    except ValueError as error:
        raise term.fault(f"date is {term.words}, must be a day such as '2024-07-17'") from error
    return replace(term, kind="date", expr=pl.lit(day), value=day)


def _check_choice(value: object, column: Term) -> None:
    if isinstance(value, str) and column.choices and value not in column.choices:
        raise UnknownName(column.words, value, column.choices)


def chosen(item: Term, choices: Sequence[Term]) -> Term:
    """Return the condition that a value is one of some constants, ``verdict in ('BUY', 'HOLD')``."""
    dated = [_dated(choice, item) for choice in choices]
    for choice in dated:
        if choice.value is None:
            raise choice.fault(f"{choice.words} is not a constant, must be a number or 'text' among the choices of in")
        _check_comparable(item, "in", choice)
    return _made("flag", item.settled.is_in([choice.value for choice in dated]), [item, *dated])


def contained(item: Term, items: Term) -> Term:
    """Return the condition that a list holds a text, ``'golden_cross' in events``."""
    items.must_be("list of text", "after in (or write the choices in parentheses)")
    if not isinstance(item.value, str):
        raise item.fault(f"{item.words} is {_WORDS[item.kind]}, must be 'text' in quotes before in {items.words}")
    _check_choice(item.value, items)
    return _made("flag", items.expr.list.contains(item.value), [item, items])


def joined(word: str, terms: Sequence[Term]) -> Term:
    """Return terms joined by "and" or "or"; one alone is itself."""
    if len(terms) == 1:
        return terms[0]
    for term in terms:
        term.must_be("flag", f"for {word} (as in rsi < 42)")
    join = pl.all_horizontal if word == "and" else pl.any_horizontal
    return _made("flag", join([term.expr for term in terms]), terms)


def inverted(term: Term) -> Term:
    """Return "not" of a condition; unknown stays unknown."""
    term.must_be("flag", "for not (as in not rsi < 42)")
    return replace(term, expr=~term.expr)


def known(term: Term, wanted: bool) -> Term:
    """Return whether a value is known, or unknown: the one condition that is never unknown itself."""
    if not term.has_name:
        raise term.fault(f"{term.words} names no column, must name one before is")
    return _made("flag", term.settled.is_not_null() if wanted else term.settled.is_null(), [term])
