"""Five dates of real history, every number of docs/context.md against its plain recomputation in `recomputed`."""

import math
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.context import recomputed as plain
from tests.context import recomputed_regime as plain_regime

import openapex as apex

pytestmark = [pytest.mark.realdata, pytest.mark.slow]

DATES = ["2023-06-30", "2024-07-17", "2022-06-16", "2020-03-23", "2008-10-10"]
PAIRS = ["IWM/SPY", "IWM/QQQ", "SPY/QQQ", "KRE/SPY"]
INDEX_FUNDS = ["IWM", "SPY", "QQQ", "DIA", "MDY", "IJR"]
on_each_date = pytest.mark.parametrize("as_of", DATES)


@cache
def context(folder: Path, as_of: str, symbol: str = "IWM") -> dict[str, Any]:
    return apex.context(symbol, data=folder, as_of=as_of).to_dict()


def differences(expected: Any, made: Any, at: str = "") -> list[str]:
    """Return where `made` differs from `expected`; it may hold more keys. Unknown is NaN or None here, null there."""
    if isinstance(expected, dict):
        if not isinstance(made, dict):
            return [f"{at}: expected keys {list(expected)}, made {made!r}"]
        missing = [f"{at}.{key}: missing" for key in expected if key not in made]
        return missing + [
            line for key in expected if key in made for line in differences(expected[key], made[key], f"{at}.{key}")
        ]
    if isinstance(expected, list):
        if not isinstance(made, list) or len(made) != len(expected):
            return [f"{at}: expected {len(expected)} rows, made {made!r}"]
        return [
            line for n, pair in enumerate(zip(expected, made, strict=True)) for line in differences(*pair, f"{at}[{n}]")
        ]
    if expected is None or expected != expected:
        return [] if made is None else [f"{at}: expected unknown, made {made!r}"]
    is_number = isinstance(made, int | float) and not isinstance(expected, str | bool)
    same = math.isclose(expected, made, rel_tol=1e-9, abs_tol=1e-9) if is_number else expected == made
    return [] if same else [f"{at}: expected {expected!r}, made {made!r}"]


def agree(expected: Any, made: Any) -> None:
    found = differences(expected, made)
    assert not found, "\n".join(found)


# --- IWM, in full ---------------------------------------------------------------------------------------------------


@on_each_date
@pytest.mark.parametrize("pair", PAIRS)
def test_relative_strength(shared_data: Path, as_of: str, pair: str) -> None:
    agree(plain.pair(shared_data, *pair.split("/"), as_of), context(shared_data, as_of)["relative"]["pairs"][pair])


@on_each_date
@pytest.mark.parametrize("every", ["daily", "weekly"])
@pytest.mark.parametrize("symbol", ["IWM", "QQQ"])
def test_rotation_against_spy(shared_data: Path, as_of: str, every: str, symbol: str) -> None:
    made = context(shared_data, as_of)["relative"]["rotation"][every][symbol]
    agree(plain.rotation(shared_data, symbol, "SPY", as_of, every == "weekly"), made)


@pytest.mark.parametrize(
    ("as_of", "week"), [("2024-07-17", "2024-07-12"), ("2022-06-16", "2022-06-10"), ("2008-10-10", "2008-10-10")]
)
def test_scenario_36_weekly_rotation_stands_on_the_last_closed_week(shared_data: Path, as_of: str, week: str) -> None:
    assert context(shared_data, as_of)["relative"]["rotation"]["weekly"]["IWM"]["session"] == week


@on_each_date
def test_rates(shared_data: Path, as_of: str) -> None:
    agree(plain.rates(shared_data, "IWM", as_of), context(shared_data, as_of)["rates"])


@on_each_date
def test_rate_beta_of_iwm(shared_data: Path, as_of: str) -> None:
    expected = {
        "relative": plain.rate_beta(shared_data, "IWM", as_of, own=False),
        "own": own_beta(shared_data, "IWM", as_of),
    }
    agree(expected, context(shared_data, as_of)["rates"]["beta"])


def own_beta(folder: Path, symbol: str, as_of: str) -> dict[str, float]:
    """Return all but the percentile, which the page shows for the symbol's relative beta only."""
    return {
        key: value for key, value in plain.rate_beta(folder, symbol, as_of, own=True).items() if key != "percentile"
    }


@on_each_date
@pytest.mark.parametrize("symbol", INDEX_FUNDS)
def test_rate_sensitivities_side_by_side(shared_data: Path, as_of: str, symbol: str) -> None:
    made = context(shared_data, as_of)
    rows = {row["symbol"]: row for row in made["rates"]["sensitivities"]}
    if plain.bars(shared_data, symbol).index[-1] < pd.Timestamp(as_of):  # IJR ends on 2024-04-11
        assert symbol not in rows
        assert symbol in {missing["name"] for missing in made["data"]["missing"]}
        return
    row = rows[symbol]
    agree(own_beta(shared_data, symbol, as_of), row["own"])
    if symbol != "SPY":
        relative = plain.rate_beta(shared_data, symbol, as_of, own=False)
        del relative["percentile"]
        agree(relative, row["relative"])
    else:
        assert row["relative"] is None


@on_each_date
def test_credit(shared_data: Path, as_of: str) -> None:
    agree(plain.credit(shared_data, as_of), context(shared_data, as_of)["credit"])


@on_each_date
def test_growth(shared_data: Path, as_of: str) -> None:
    agree(plain.growth(shared_data, as_of), context(shared_data, as_of)["growth"])


@on_each_date
def test_breadth(shared_data: Path, as_of: str) -> None:
    agree(plain_regime.breadth(shared_data, as_of), context(shared_data, as_of)["breadth"])


@on_each_date
def test_shares_and_counts(shared_data: Path, as_of: str) -> None:
    """Stocks in a folder are not counted (those of a store are, in tests/desk/test_universe.py)."""
    made, share = context(shared_data, as_of)["breadth"], plain_regime.above_200(shared_data, as_of)
    assert (made["share_above_200_pct"], made["share_above_50_pct"], made["n_stocks"]) == (share["S5TH"], None, None)
    counts = {one["universe"]: one for one in made["counts"]}
    assert [*counts] == ["S&P 500 stocks", "US stocks", "NYSE issues"]
    for name, series in (("S&P 500 stocks", "S5TH"), ("US stocks", "MMTH")):
        assert counts[name]["share_above_200_pct"] == share[series]
    expected = plain_regime.breadth(shared_data, as_of)
    names = ("advancers", "decliners", "advance_decline_pct", "new_highs", "new_lows")
    agree({name: expected[name] for name in names}, counts["NYSE issues"])


@on_each_date
def test_regime(shared_data: Path, as_of: str) -> None:
    expected, made = plain_regime.regime(shared_data, "IWM", as_of), context(shared_data, as_of)["regime"]
    agree({name: expected[name] for name in ("state", "since", "n_sessions", "parts")}, made)


@on_each_date
@pytest.mark.parametrize("name", ["share", "median_dwell", "transitions"])
def test_history_of_the_regime(shared_data: Path, as_of: str, name: str) -> None:
    agree(plain_regime.regime(shared_data, "IWM", as_of)[name], context(shared_data, as_of)["regime"][name])


@on_each_date
def test_events_of_the_page(shared_data: Path, as_of: str) -> None:
    agree(plain_regime.events(shared_data, "IWM", "SPY", as_of), context(shared_data, as_of)["events"])


@on_each_date
def test_driver_of_a_dip(shared_data: Path, as_of: str) -> None:
    assert context(shared_data, as_of)["events"]["driver"] == plain_regime.driver(shared_data, as_of)


# --- SPY and QQQ ----------------------------------------------------------------------------------------------------


@on_each_date
@pytest.mark.parametrize("symbol", ["SPY", "QQQ"])
def test_spy_and_qqq(shared_data: Path, as_of: str, symbol: str) -> None:
    made = context(shared_data, as_of, symbol)
    pairs = made["relative"]["pairs"]
    assert any(symbol in pair.split("/") for pair in pairs)
    for pair, values in pairs.items():
        a, b = pair.split("/")
        if len(plain.common(shared_data, (a, b), as_of)):
            agree({pair: plain.pair(shared_data, a, b, as_of)}, {pair: values})
    lead = ("relative_20_pct", "relative_20_sigmas", "threshold_pct", "state", "is_dramatic", "last_leadership_change")
    expected = plain_regime.breadth(shared_data, as_of)
    agree({name: expected[name] for name in lead}, made["breadth"])


@pytest.mark.parametrize(
    ("symbol", "as_of", "other"),
    [
        ("IWM", "2001-03-01", "SPY"),  # warm-up: breadth and the weekly rotation are not yet known
        ("IWM", "2003-06-03", "SPY"),  # CFNAI was published later before 2005
        ("IWM", "2013-10-18", "SPY"),  # the shutdown held the employment report back
        ("SPY", "2020-03-23", "QQQ"),  # a benchmark rotates against its rival
        ("KRE", "2023-03-13", "SPY"),  # a fund without a profile of its own
    ],
)
def test_other_symbols_and_dates(shared_data: Path, symbol: str, as_of: str, other: str) -> None:
    made = context(shared_data, as_of, symbol)
    regime = plain_regime.regime(shared_data, symbol, as_of)
    expected = {
        "rates": plain.rates(shared_data, symbol, as_of),
        "credit": plain.credit(shared_data, as_of),
        "growth": plain.growth(shared_data, as_of),
        "breadth": plain_regime.breadth(shared_data, as_of),
        "regime": {name: regime[name] for name in made["regime"] if name in regime},
        "events": plain_regime.events(shared_data, symbol, other, as_of)
        | {"driver": plain_regime.driver(shared_data, as_of)},
    }
    agree(expected, made)
    for every in ("daily", "weekly"):
        for name, row in made["relative"]["rotation"][every].items():
            agree(plain.rotation(shared_data, name, row["benchmark"], as_of, every == "weekly"), row)


# --- the story ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("as_of", "topic", "state"),
    [
        ("2023-06-30", "breadth", "NARROW"),
        ("2024-07-17", "breadth", "BROAD"),
        ("2008-10-10", "credit", "CRUNCH"),
        ("2020-03-23", "credit", "CRUNCH"),
        ("2008-10-10", "regime", "CRUNCH"),
        ("2020-03-23", "regime", "CRUNCH"),
        ("2024-07-17", "regime", "TAILWIND"),
        ("2022-06-16", "rates", "RISING"),
    ],
)
def test_the_story_reads_right(shared_data: Path, as_of: str, topic: str, state: str) -> None:
    assert context(shared_data, as_of)[topic]["state"] == state


def test_june_2022_is_a_year_of_hikes(shared_data: Path) -> None:
    """On 2022-06-15 the Fed raised its target by 0.75 points, the most since 1994."""
    made = context(shared_data, "2022-06-16")["rates"]
    assert (made["stance"], made["expects"]) == ("hiking", "hikes")
    assert made["two_year_change_20_pct"] > 0.4


def test_july_2024_is_a_rotation(shared_data: Path) -> None:
    """In the five sessions to 2024-07-16 IWM gained 11.5 % and QQQ lost 0.3 %."""
    made = context(shared_data, "2024-07-17")
    assert made["breadth"]["is_dramatic"] is True
    assert made["breadth"]["last_leadership_change"] == "2024-07-16"
    assert made["relative"]["rotation"]["daily"]["IWM"]["quadrant"] == "leading"
    assert made["rates"]["beta"]["relative"]["high"] < 0, "falling two-year yields go with IWM ahead of SPY"


def test_recession_of_2020_is_not_known_in_march(shared_data: Path) -> None:
    """NBER named the peak of February 2020 on 2020-06-08."""
    assert context(shared_data, "2020-03-23")["growth"]["recession"] is False
