"""Fundamentals over history: what was known when, and scores worked out by hand from the published bands."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openapex.bars import Bars
from openapex.errors import UnreadableData
from openapex.sessions import sessions_between
from openapex.signals.bands import panels
from openapex.signals.fundamentals import FUNDAMENTALS, KNOWN_FIELDS, known_numbers
from openapex.signals.signal import SignalInputs
from openapex.sources.source import FACT_SCHEMA

SESSIONS = sessions_between(date(2024, 1, 2), date(2025, 6, 30))
FIRST = date(2024, 1, 2)
STOCK = {
    "trailing_pe": 20.0,  # 50
    "forward_pe": 13.0,  # 70
    "price_to_book": 3.0,  # 50 → valuation 170 / 3
    "revenue_growth_pct": 15.0,  # 75 → growth 75
    "return_on_equity_pct": 12.0,  # 50
    "profit_margin_pct": 15.0,  # 70 → profitability 60
    "debt_to_equity": 2.0,  # 25 → balance sheet 25
}
STOCK_SCORE = 0.30 * 170 / 3 + 0.25 * 75 + 0.25 * 60 + 0.20 * 25  # 55.75
QQQ = {  # as its page showed in February 2025
    "expense_ratio_pct": 0.20,  # 65
    "turnover_pct": 8.0,  # 65 − 15 · 3 / 25 = 63.2 → cost 64.1
    "yield_pct": 0.56,  # 40 + 10 · 0.56 / 1.75 = 43.2 → yield 43.2
    "holdings_pe": 34.0,  # 30 − 20 · 4 / 20 = 26
    "holdings_pb": 8.0,  # 30 − 15 · 2 / 6 = 25
    "holdings_ps": 6.0,  # 30 − 20 · 1 / 5 = 26 → valuation 77 / 3
    "top10_weight_pct": 50.0,  # 25 → concentration 25
}
QQQ_SCORE = 0.35 * 64.1 + 0.15 * 43.2 + 0.30 * 77 / 3 + 0.20 * 25


def bars_on(sessions):
    n = len(sessions)
    flat, flags = np.full(n, 10.0), np.zeros(n, dtype=bool)
    return Bars(("T",) if n else (), np.array([0, n] if n else [0]), sessions, *[flat] * 6, flags)


def facts(numbers, known_at=FIRST, kind="EQUITY", symbol="T"):
    rows = [(symbol, name, known_at, value, None) for name, value in numbers.items()]
    rows += [(symbol, "quote_type", known_at, None, kind)] if kind else []
    return pl.DataFrame(rows, FACT_SCHEMA, orient="row")


def inputs(*frames, sessions=SESSIONS):
    return SignalInputs(bars_on(sessions), facts=pl.concat(frames) if frames else None)


def row(day):
    return int(np.searchsorted(SESSIONS, np.datetime64(day)))


def test_a_stock_by_hand():
    history = FUNDAMENTALS.history(inputs(facts(STOCK)))
    assert history.score[0] == pytest.approx(STOCK_SCORE)
    told = {name: history.values[name][0] for name in ("valuation", "growth", "profitability", "balance_sheet")}
    assert told == pytest.approx({"valuation": 170 / 3, "growth": 75, "profitability": 60, "balance_sheet": 25})
    assert (history.values["n_bands"][0], history.values["coverage"][0]) == (7, pytest.approx(1.0))
    assert np.isnan(history.values["cost"][0])
    assert history.values["trailing_pe"][0] == 20.0
    assert np.isnan(history.values["peg"][0])


@pytest.mark.parametrize("kind", ["ETF", "MUTUALFUND", "etf"])
def test_a_fund_by_hand(kind):
    history = FUNDAMENTALS.history(inputs(facts(QQQ, kind=kind)))
    assert history.score[0] == pytest.approx(QQQ_SCORE)
    assert np.isnan(history.values["growth"][0])


def test_reasons_name_strongest_and_weakest_with_numbers():
    stock = inputs(facts(STOCK))
    told = FUNDAMENTALS.opinion(stock, FUNDAMENTALS.history(stock), 0)
    assert told.reason == "revenue growth 15.0 % good (growth 75); debt/equity 2.0 weak (balance sheet 25)"
    assert told.score == pytest.approx(55.75)
    fund = inputs(facts(QQQ, kind="ETF"))
    reason = FUNDAMENTALS.opinion(fund, FUNDAMENTALS.history(fund), 0).reason
    assert (
        reason == "expense ratio 0.20 % and turnover 8.0 % good (cost 64); top-10 weight 50.0 % weak (concentration 25)"
    )


def test_nothing_known_is_no_data():
    for nothing in (inputs(), inputs(facts({}, kind=None)), inputs(facts(STOCK, symbol="OTHER"))):
        history = FUNDAMENTALS.history(nothing)
        assert np.isnan(history.score).all()
        assert (history.values["n_bands"] == 0).all()
        assert np.isnan(history.values["trailing_pe"]).all()
        assert FUNDAMENTALS.opinion(nothing, history).reason == "no fundamentals known"


def test_too_few_bands_are_no_data():
    few = inputs(facts({name: STOCK[name] for name in list(STOCK)[:4]}))
    history = FUNDAMENTALS.history(few)
    assert np.isnan(history.score).all()
    assert FUNDAMENTALS.opinion(few, history, 0).reason == "only 4 of 18 fundamentals known, needs 5"


def test_one_group_alone_is_no_data():
    alone = inputs(facts(dict.fromkeys(("trailing_pe", "forward_pe", "price_to_book", "price_to_sales", "peg"), 1.0)))
    history = FUNDAMENTALS.history(alone)
    assert np.isnan(history.score).all()
    assert FUNDAMENTALS.opinion(alone, history, 0).reason == "fundamentals cover 30% of the weight, needs 50%"


def test_the_minima_themselves_are_enough():
    five = {name: STOCK[name] for name in list(STOCK)[:5]}  # valuation, growth, profitability: 80 % of the weight
    weighted = (0.30 * 170 / 3 + 0.25 * 75 + 0.25 * 50) / 0.80
    assert FUNDAMENTALS.history(inputs(facts(five))).score[0] == pytest.approx(weighted)
    three = {name: QQQ[name] for name in ("expense_ratio_pct", "turnover_pct", "yield_pct")}  # 50 % of the weight
    score = FUNDAMENTALS.history(inputs(facts(three, kind="ETF"))).score[0]
    assert score == pytest.approx((0.35 * 64.1 + 0.15 * 43.2) / 0.50)


def test_an_index_has_none_and_a_missing_type_is_a_stock():
    assert np.isnan(FUNDAMENTALS.history(inputs(facts(STOCK, kind="INDEX"))).score).all()
    assert FUNDAMENTALS.history(inputs(facts(STOCK, kind=None))).score[0] == pytest.approx(STOCK_SCORE)


def test_a_loss_has_no_pe_but_shows_in_profitability():
    loser = {**STOCK, "trailing_pe": -8.0, "forward_pe": -5.0, "profit_margin_pct": -10.0}
    history = FUNDAMENTALS.history(inputs(facts(loser)))
    assert history.values["valuation"][0] == 50.0  # price to book alone
    assert history.values["profitability"][0] == pytest.approx((50 + 5) / 2)
    assert history.values["trailing_pe"][0] == -8.0  # shown, not scored


def test_free_cash_flow_is_set_against_market_value():
    rich = {**STOCK, "free_cash_flow_usd": 8e9, "market_cap_usd": 100e9}
    history = FUNDAMENTALS.history(inputs(facts(rich)))
    assert history.values["fcf_yield_pct"][0] == pytest.approx(8.0)
    assert history.values["valuation"][0] == pytest.approx((170 + 75) / 4)
    worthless = FUNDAMENTALS.history(inputs(facts({**rich, "market_cap_usd": 0.0})))
    assert np.isnan(worthless.values["fcf_yield_pct"][0])


def test_scenario_26_a_fact_counts_from_the_day_it_became_known():
    old, new = facts(STOCK), facts({"debt_to_equity": 0.0}, known_at=date(2024, 6, 3), kind=None)
    plain, later = FUNDAMENTALS.history(inputs(old)), FUNDAMENTALS.history(inputs(new, old))
    cut = row("2024-06-03")
    np.testing.assert_array_equal(later.score[:cut], plain.score[:cut])
    assert later.values["balance_sheet"][cut - 1] == 25.0
    assert later.values["balance_sheet"][cut] == 90.0


def test_a_fact_known_on_a_weekend_counts_from_monday():
    history = FUNDAMENTALS.history(inputs(facts(STOCK, known_at=date(2024, 6, 1))))
    assert np.isnan(history.score[row("2024-05-31")])
    assert history.score[row("2024-06-03")] == pytest.approx(STOCK_SCORE)


def test_numbers_age_out_after_450_days():
    history = FUNDAMENTALS.history(inputs(facts(STOCK)))
    assert not np.isnan(history.score[row("2025-03-27")])  # 450 days after 2024-01-02
    assert np.isnan(history.score[row("2025-03-28")])


def test_the_newest_word_counts_even_when_it_is_unknown():
    withdrawn = facts({"debt_to_equity": None}, known_at=date(2024, 6, 3), kind=None)
    history = FUNDAMENTALS.history(inputs(facts(STOCK), withdrawn))
    assert np.isnan(history.values["debt_to_equity"][row("2024-06-03")])
    twice = inputs(facts({**STOCK, "debt_to_equity": 9.0}), facts({"debt_to_equity": 2.0}, kind=None))
    assert FUNDAMENTALS.history(twice).values["debt_to_equity"][0] == 2.0  # of one day, the later row


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_none_is_unknown(bad):
    history = FUNDAMENTALS.history(inputs(facts({**STOCK, "debt_to_equity": bad})))
    assert np.isnan(history.values["balance_sheet"]).all()
    assert not np.isnan(history.score[0])
    assert np.isnan(history.values["debt_to_equity"]).all()


def test_unknown_fields_are_passed_over():
    more = {**STOCK, "employees": 5.0}
    assert FUNDAMENTALS.history(inputs(facts(more))).score[0] == pytest.approx(STOCK_SCORE)


def test_a_missing_column_is_named():
    with pytest.raises(UnreadableData, match="must also have"):
        FUNDAMENTALS.history(SignalInputs(bars_on(SESSIONS), facts=facts(STOCK).drop("known_at")))


@pytest.mark.parametrize("n", [0, 1])
def test_scenario_34_hardly_any_bars(n):
    few = inputs(facts(STOCK), sessions=SESSIONS[:n])
    history = FUNDAMENTALS.history(few)
    assert history.score.tolist() == pytest.approx([STOCK_SCORE][:n])
    assert np.isnan(FUNDAMENTALS.opinion(few, history).score) == (n == 0)


def test_the_registry_names_every_banded_field_with_its_unit():
    derived = {"fcf_yield_pct"}
    banded = {band.field for panel in panels().values() for band in panel.bands()} - derived
    assert banded <= set(KNOWN_FIELDS)
    for name, (unit, sentence) in KNOWN_FIELDS.items():
        assert (unit == "%") == name.endswith("_pct"), name
        assert (unit == "USD") == name.endswith("_usd"), name
        assert sentence.endswith("."), name


FIELDS = [name for name, (unit, _) in KNOWN_FIELDS.items() if unit != "text"]
VALUES = st.one_of(st.none(), st.floats(allow_subnormal=False, width=32))
ROWS = st.lists(st.tuples(st.sampled_from(FIELDS), st.integers(-400, 700), VALUES), max_size=40)


def frame_of(rows, kind="EQUITY"):
    told = [("T", name, FIRST + timedelta(days=days), value, None) for name, days, value in rows]
    return pl.concat([facts({}, kind=kind), pl.DataFrame(told, FACT_SCHEMA, orient="row")])


@settings(deadline=None, max_examples=60)
@given(ROWS, st.sampled_from(["EQUITY", "ETF", "INDEX"]))
def test_scores_are_0_to_100_or_no_data(rows, kind):
    history = FUNDAMENTALS.history(inputs(frame_of(rows, kind)))
    known = history.score[~np.isnan(history.score)]
    assert ((known >= 0) & (known <= 100)).all()
    assert not any(np.isinf(column).any() for column in history.values.values())


@settings(deadline=None, max_examples=60)
@given(ROWS)
def test_known_numbers_equal_a_slow_twin(rows):
    found = known_numbers(frame_of(rows).sort("known_at", maintain_order=True), SESSIONS)
    for name in found:
        told = [(FIRST + timedelta(days=days), value) for field, days, value in rows if field == name]
        for at in range(0, len(SESSIONS), 37):
            day = SESSIONS[at].item()
            best = max((when for when, _ in told if when <= day), default=None)
            value = [v for when, v in told if when == best][-1] if best and (day - best).days <= 450 else None
            expected = np.nan if value is None or not np.isfinite(value) else value
            np.testing.assert_equal(found[name][at], expected)
