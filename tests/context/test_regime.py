"""The regime's rules one by one, what is unknown, and the history it keeps, counted by hand."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.context.pairs import weekdays

from openapex.context.causal import States
from openapex.context.regime import PARTS, REGIMES, Regime, regime
from openapex.errors import BadInput


def states(part: str, *names: str | None) -> States:
    codes = [-1 if name is None else PARTS[part].index(name) for name in names]
    return States(weekdays(len(codes)), np.array(codes, dtype=np.int8), PARTS[part])


def regime_of(rates: str | None, credit: str | None, breadth: str | None, growth: str | None) -> str | None:
    parts = zip(PARTS, (rates, credit, breadth, growth), strict=True)
    return regime(*(states(part, name) for part, name in parts)).state


@pytest.mark.parametrize(
    ("rates", "credit", "breadth", "growth", "expected"),
    [
        ("FALLING", "CRUNCH", "BROAD", "ACCELERATING", "CRUNCH"),
        ("RISING", "STRAINED", "BROAD", "SLOWING", "STRAINED"),
        ("FALLING", "CALM", "BROAD", "SLOWING", "TAILWIND"),
        ("STEADY", "CALM", "BROAD", "STEADY", "TAILWIND"),
        ("RISING", "CALM", "BROAD", "STEADY", "NEUTRAL"),
        ("RISING", "CALM", "NARROW", "SLOWING", "HEADWIND"),
        ("RISING", "CALM", "MIXED", "ACCELERATING", "HEADWIND"),
        ("FALLING", "CALM", "NARROW", "SLOWING", "SLOWDOWN"),
        ("FALLING", "CALM", "MIXED", "SLOWING", "SLOWDOWN"),
        ("STEADY", "CALM", "NARROW", "SLOWING", "NARROW"),
        ("FALLING", "CALM", "NARROW", "STEADY", "NARROW"),
        ("STEADY", "CALM", "MIXED", "SLOWING", "NEUTRAL"),
        ("FALLING", "CALM", "MIXED", "ACCELERATING", "NEUTRAL"),
    ],
)
def test_the_first_rule_that_holds_names_the_regime(rates, credit, breadth, growth, expected):
    assert regime_of(rates, credit, breadth, growth) == expected


@pytest.mark.parametrize(
    ("rates", "credit", "breadth", "growth", "expected"),
    [
        (None, "CRUNCH", None, None, "CRUNCH"),
        (None, "STRAINED", None, None, "STRAINED"),
        ("FALLING", None, "BROAD", "STEADY", None),
        (None, "CALM", "BROAD", "STEADY", None),
        (None, "CALM", "NARROW", "STEADY", None),
        ("FALLING", "CALM", None, "STEADY", None),
        ("RISING", "CALM", None, "STEADY", None),
        ("FALLING", "CALM", "MIXED", None, None),
        ("FALLING", "CALM", "BROAD", None, "TAILWIND"),
        ("STEADY", "CALM", "NARROW", None, "NARROW"),
        ("RISING", "CALM", "NARROW", None, "HEADWIND"),
        ("RISING", "CALM", "BROAD", None, "NEUTRAL"),
        (None, None, None, None, None),
    ],
)
def test_a_regime_is_unknown_only_where_a_part_that_matters_is(rates, credit, breadth, growth, expected):
    assert regime_of(rates, credit, breadth, growth) == expected


def test_an_unknown_part_never_makes_a_name_that_its_values_would_not_all_make():
    """Fill in every value for every unknown: a known regime must be the only one possible."""
    for combination in product(*[(*names, None) for names in PARTS.values()]):
        filled = product(
            *[names if name is None else (name,) for name, names in zip(combination, PARTS.values(), strict=True)]
        )
        found = regime_of(*combination)
        if found is not None:
            assert {regime_of(*full) for full in filled} == {found}, combination


def history(*codes: str | None) -> Regime:
    """Return the history of regimes that these states of credit make while breadth is NARROW and rates are STEADY."""
    n = len(codes)
    return regime(
        states("rates", *["STEADY"] * n),
        states("credit", *codes),
        states("breadth", *["NARROW"] * n),
        states("growth", *["STEADY"] * n),
    )


CALM, STRAINED, CRUNCH = PARTS["credit"]


def test_history_is_counted():
    found = history(CALM, CALM, STRAINED, CALM, CALM, CALM, CALM, CRUNCH, STRAINED, STRAINED)
    assert (found.state, found.n_sessions, found.n_known) == ("STRAINED", 2, 10)
    assert found.since == weekdays(10)[8].item()
    assert found.parts == {"rates": "STEADY", "credit": "STRAINED", "breadth": "NARROW", "growth": "STEADY"}
    assert found.share == dict.fromkeys(REGIMES, 0.0) | {"NARROW": 60.0, "STRAINED": 30.0, "CRUNCH": 10.0}
    assert found.transitions == {
        "NARROW → STRAINED": 1, "STRAINED → NARROW": 1, "NARROW → CRUNCH": 1, "CRUNCH → STRAINED": 1
    }  # fmt: skip
    dwell = {name: days for name, days in found.median_dwell.items() if not math.isnan(days)}
    assert dwell == {"NARROW": 3.0, "STRAINED": 1.0, "CRUNCH": 1.0}  # (2, 4); today's STRAINED still stands
    assert set(found.median_dwell) == set(REGIMES)


def test_the_unknown_ends_a_spell_without_completing_it():
    found = history(CALM, CALM, None, CALM, STRAINED, None)
    assert (found.state, found.since, found.n_sessions, found.n_known) == (None, None, 0, 4)
    assert found.transitions == {"NARROW → STRAINED": 1}
    dwell = {name: days for name, days in found.median_dwell.items() if not math.isnan(days)}
    assert dwell == {"NARROW": 1.0}
    assert found.share["NARROW"] == 75.0


def test_one_regime_throughout_has_no_completed_spell():
    found = history(CALM, CALM, CALM)
    assert (found.n_sessions, found.transitions, found.share["NARROW"]) == (3, {}, 100.0)
    assert all(math.isnan(days) for days in found.median_dwell.values())


@pytest.mark.parametrize("codes", [(), (None, None)])
def test_nothing_known_is_unknown(codes):
    found = history(*codes)
    assert (found.state, found.since, found.n_sessions, found.n_known, found.transitions) == (None, None, 0, 0, {})
    assert all(math.isnan(share) for share in found.share.values())
    assert len(found.states.codes) == len(codes)


def test_parts_of_other_sessions_or_other_names_are_refused():
    parts = {part: states(part, names[0], names[1]) for part, names in PARTS.items()}
    short = States(weekdays(1), parts["growth"].codes[:1], PARTS["growth"])
    with pytest.raises(BadInput, match="growth stands on other sessions than rates, must stand on the same"):
        regime(**parts | {"growth": short})
    with pytest.raises(BadInput, match=r"credit has states .*, must be \('CALM', 'STRAINED', 'CRUNCH'\)"):
        regime(**parts | {"credit": parts["rates"]})


CODES = st.lists(st.tuples(*[st.integers(-1, 2)] * 4), min_size=1, max_size=80)


@settings(deadline=None, max_examples=40)
@given(CODES, st.data())
def test_the_past_never_changes(rows, data):
    cut = data.draw(st.integers(0, len(rows)))
    columns, days = np.array(rows, dtype=np.int8).T, weekdays(len(rows))

    def until(n: int) -> Regime:
        return regime(*[States(days[:n], codes[:n], PARTS[part]) for part, codes in zip(PARTS, columns, strict=True)])

    full, early = until(len(rows)), until(cut)
    np.testing.assert_array_equal(full.states.codes[:cut], early.states.codes)
    assert early.n_known == np.count_nonzero(full.states.codes[:cut] >= 0)
    assert sum(full.transitions.values()) >= sum(early.transitions.values())


@settings(deadline=None, max_examples=40)
@given(CODES)
def test_shares_add_up_and_dwell_and_transitions_agree_with_a_walk_through_the_days(rows):
    columns, days = np.array(rows, dtype=np.int8).T, weekdays(len(rows))
    found = regime(*[States(days, codes, PARTS[part]) for part, codes in zip(PARTS, columns, strict=True)])
    names = [None if code < 0 else REGIMES[code] for code in found.states.codes.tolist()]
    moves, spells, length = {}, {}, 0
    for today, tomorrow in zip(names, [*names[1:], None], strict=True):
        length = length + 1 if today is not None else 0
        if tomorrow == today:
            continue
        if today is not None and tomorrow is not None:
            moves[f"{today} → {tomorrow}"] = moves.get(f"{today} → {tomorrow}", 0) + 1
            spells.setdefault(today, []).append(length)
        length = 0
    assert found.transitions == moves
    for name in REGIMES:
        assert found.median_dwell[name] == pytest.approx(
            np.median(spells[name]) if name in spells else math.nan, nan_ok=True
        )
    if found.n_known:
        assert sum(found.share.values()) == pytest.approx(100.0)
