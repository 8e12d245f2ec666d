"""Random conditions against a slow obvious evaluator over plain dicts, three-valued."""

import math
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openapex.screens import COLUMNS, parsed

Row = dict[str, Any]
NUMBERS = ("rsi", "close", "n_bars", "atr_pct")
TEXTS = ("symbol", "sector")
EVENTS = ("golden_cross", "squeeze", "death_cross")


@dataclass(frozen=True)
class Node:
    """A printed part, how tightly it binds, and what it is worth in a row."""

    text: str
    bond: int
    value: Callable[[Row], Any]

    def within(self, bond: int) -> str:
        return self.text if self.bond >= bond else f"({self.text})"


def finite(value: Any) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def lifted(function: Callable[..., Any], *parts: Node) -> Callable[[Row], Any]:
    def value(row: Row) -> Any:
        values = [part.value(row) for part in parts]
        return None if None in values else function(*values)

    return value


def divided(a: float, b: float) -> float | None:
    return None if b == 0 else finite(a / b)


ARITHMETIC: dict[str, tuple[int, Callable[[float, float], Any]]] = {
    "+": (5, lambda a, b: finite(a + b)),
    "-": (5, lambda a, b: finite(a - b)),
    "*": (6, lambda a, b: finite(a * b)),
    "/": (6, divided),
}
ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


def all_of(values: list[bool | None]) -> bool | None:
    if False in values:
        return False
    return None if None in values else True


def any_of(values: list[bool | None]) -> bool | None:
    if True in values:
        return True
    return None if None in values else False


def inverted(value: bool | None) -> bool | None:
    return None if value is None else not value


def column(name: str) -> Node:
    return Node(name, 8, lambda row: finite(row[name]) if name in NUMBERS else row[name])


def number(value: float) -> Node:
    return Node(repr(value), 8, lambda row: value)


def computed(sign: str, a: Node, b: Node) -> Node:
    bond, function = ARITHMETIC[sign]
    return Node(f"{a.within(bond)} {sign} {b.within(bond + 1)}", bond, lifted(function, a, b))


def extreme(name: str, parts: list[Node]) -> Node:
    return Node(f"{name}({', '.join(p.text for p in parts)})", 8, lifted(min if name == "min" else max, *parts))


def sums(names: st.SearchStrategy[str]) -> st.SearchStrategy[Node]:
    constants = st.one_of(st.integers(0, 9), st.floats(0, 1e15, allow_subnormal=False)).map(number)
    leaves = st.one_of(names.map(column), names.map(column), constants)
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(computed, st.sampled_from(sorted(ARITHMETIC)), inner, inner),
            inner.map(lambda a: Node(f"-{a.within(7)}", 7, lifted(lambda x: -x, a))),
            inner.map(lambda a: Node(f"abs({a.text})", 8, lifted(abs, a))),
            st.builds(extreme, st.sampled_from(["min", "max"]), st.lists(inner, min_size=2, max_size=3)),
        ),
        max_leaves=8,
    )


def has_name(node: Node) -> bool:
    return any(name in node.text for name in NUMBERS)


def chain(first: Node, rest: list[tuple[str, Node]]) -> Node:
    text, pairs, left = first.within(5), [], first
    for sign, right in rest:
        text += f" {sign} {right.within(5)}"
        pairs.append(lifted(ORDERS[sign], left, right))
        left = right
    return Node(text, 4, lambda row: all_of([pair(row) for pair in pairs]))


def membership(item: Node, choices: list[Node], is_inverted: bool) -> Node:
    pairs = [lifted(lambda a, b: a == b, item, choice) for choice in choices]
    text = f"{item.within(5)} {'not ' * is_inverted}in ({', '.join(c.text for c in choices)})"
    if is_inverted:
        return Node(text, 4, lambda row: inverted(any_of([pair(row) for pair in pairs])))
    return Node(text, 4, lambda row: any_of([pair(row) for pair in pairs]))


def event(name: str, is_inverted: bool) -> Node:
    def value(row: Row) -> bool | None:
        return None if row["events"] is None else (name in row["events"]) != is_inverted

    return Node(f"'{name}' {'not ' * is_inverted}in events", 4, value)


def between(item: Node, low: Node, high: Node) -> Node:
    parts = [lifted(lambda a, b: a >= b, item, low), lifted(lambda a, b: a <= b, item, high)]
    text = f"{item.within(5)} between {low.within(5)} and {high.within(5)}"
    return Node(text, 4, lambda row: all_of([part(row) for part in parts]))


def nullness(item: Node, words: str) -> Node:
    is_known = words in ("known", "not null", "not unknown")
    return Node(f"{item.within(5)} is {words}", 4, lambda row: (item.value(row) is not None) == is_known)


def joined(word: str, parts: list[Node]) -> Node:
    bond, of = (1, any_of) if word in ("or", "||", "OR") else (2, all_of)
    text = f" {word} ".join(part.within(bond + 1) for part in parts)
    return Node(text, bond, lambda row: of([part.value(row) for part in parts]))


quoted = st.text(string.ascii_letters + "é", max_size=2).map(lambda t: Node(f"'{t}'", 8, lambda row: t))
named_sums = sums(st.sampled_from(NUMBERS)).filter(has_name)
steps = st.tuples(st.sampled_from(sorted(ORDERS)), named_sums)
constants = st.integers(0, 9).map(number)
comparisons = st.one_of(
    st.builds(chain, sums(st.sampled_from(NUMBERS)), st.lists(steps, min_size=1, max_size=3)),
    st.builds(membership, named_sums, st.lists(constants, min_size=1, max_size=3), st.booleans()),
    st.builds(membership, st.sampled_from(TEXTS).map(column), st.lists(quoted, min_size=1, max_size=3), st.booleans()),
    st.builds(event, st.sampled_from(EVENTS), st.booleans()),
    st.builds(between, named_sums, sums(st.sampled_from(NUMBERS)), sums(st.sampled_from(NUMBERS))),
    st.builds(
        nullness,
        st.one_of(named_sums, st.sampled_from([*TEXTS, "events"]).map(column)),
        st.sampled_from(["null", "not null", "unknown", "not unknown", "known", "not known"]),
    ),
    st.builds(
        lambda name, sign, text: chain(column(name), [(sign, text)]),
        st.sampled_from(TEXTS),
        st.sampled_from(["==", "=", "!="]),
        quoted,
    ),
)
conditions = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.builds(joined, st.sampled_from(["and", "or", "&&", "||", "AND"]), st.lists(inner, min_size=2, max_size=3)),
        st.builds(
            lambda word, a: Node(f"{word} {a.within(3)}", 3, lambda row: inverted(a.value(row))),
            st.sampled_from(["not", "!", "NOT"]),
            inner,
        ),
    ),
    max_leaves=6,
).filter(lambda node: len(node.text) < 900)

small = st.one_of(st.none(), st.sampled_from([0.0, -0.0, 1.0, 2.0, -3.0, 5.0, 1e300, -1e300, math.nan, math.inf]))
values = st.one_of(small, st.floats(allow_nan=True, allow_infinity=True), st.integers(-9, 9).map(float))
texts = st.one_of(st.none(), st.text(string.ascii_letters + "é", max_size=2))
rows = st.lists(
    st.fixed_dictionaries(
        {
            "rsi": values,
            "close": values,
            "atr_pct": values,
            "n_bars": st.one_of(st.none(), st.integers(-5, 5)),
            "symbol": texts,
            "sector": texts,
            "events": st.one_of(st.none(), st.lists(st.sampled_from(EVENTS), max_size=3)),
        }
    ),
    min_size=1,
    max_size=8,
)
SCHEMA = {
    "rsi": pl.Float64, "close": pl.Float64, "atr_pct": pl.Float64, "n_bars": pl.Int64, "symbol": pl.String,
    "sector": pl.String, "events": pl.List(pl.String),
}  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(node=conditions, table=rows)
def test_conditions_agree_with_a_slow_obvious_evaluator(node: Node, table: list[Row]) -> None:
    frame = pl.DataFrame(table, schema=SCHEMA)
    expected = [node.value(row) for row in table]
    condition = parsed(node.text)
    assert frame.select(x=condition.expr())["x"].to_list() == expected, node.text
    assert condition.filter(frame.with_row_index())["index"].to_list() == [
        i for i, value in enumerate(expected) if value is True
    ]
    assert {name for name in SCHEMA if name in condition.names} == set(condition.names)


def test_every_column_can_be_asked_whether_it_is_known() -> None:
    frame = pl.DataFrame({name: [None] for name in COLUMNS})
    for name in COLUMNS:
        assert parsed(f"{name} is unknown").filter(frame).height == 1
