"""Yahoo's news and fundamentals: units as documented, funds apart from shares, faults never cost the prices."""

import copy
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from yahoo_server import (
    TOO_MANY,
    Fault,
    Listing,
    YahooServer,
    source,
    yahoo_fixture,  # noqa: F401  (the fixture `yahoo`)
)

from openapex.errors import BadPayload
from openapex.signals.fundamentals import KNOWN_FIELDS
from openapex.sources.source import FACT_SCHEMA, HEADLINE_SCHEMA, Delivery
from openapex.sources.yahoo_facts import facts, headlines

NOW = datetime(2025, 2, 25, 2, 0, tzinfo=UTC)  # 21:00 of the 24th in New York
TODAY = date(2025, 2, 24)

SHARE: dict[str, Any] = {
    "quoteType": {"quoteType": "EQUITY", "symbol": "ACME", "longName": "Acme Inc.", "shortName": "Acme"},
    "assetProfile": {"sector": "Technology"},
    "summaryDetail": {
        "currency": "USD", "trailingPE": 30.5, "forwardPE": 25.0, "priceToSalesTrailing12Months": 8.5,
        "dividendYield": 0.0041, "payoutRatio": 0.1571, "marketCap": 3_000_000_000_000,
    },
    "defaultKeyStatistics": {
        "priceToBook": 50.25, "enterpriseToEbitda": 27.169, "pegRatio": 2.1, "sharesOutstanding": 15_000_000_000,
        "category": None, "fundFamily": None,
    },
    "financialData": {
        "financialCurrency": "USD", "revenueGrowth": 0.04, "earningsGrowth": -0.101, "grossMargins": 0.465,
        "operatingMargins": 0.345, "profitMargins": 0.243, "returnOnEquity": 1.3652, "returnOnAssets": 0.225,
        "debtToEquity": 145, "currentRatio": 0.923, "quickRatio": 0.783, "freeCashflow": 93_833_871_360,
    },
    "price": {"marketCap": 3_000_000_000_001},
}  # fmt: skip
SHARE_FACTS = {
    "trailing_pe": 30.5, "forward_pe": 25.0, "price_to_book": 50.25, "price_to_sales": 8.5, "ev_to_ebitda": 27.169,
    "peg": 2.1, "revenue_growth_pct": 4.0, "earnings_growth_pct": -10.1, "gross_margin_pct": 46.5,
    "operating_margin_pct": 34.5, "profit_margin_pct": 24.3, "return_on_equity_pct": 136.52,
    "return_on_assets_pct": 22.5, "debt_to_equity": 1.45, "current_ratio": 0.923, "quick_ratio": 0.783,
    "free_cash_flow_usd": 93_833_871_360.0, "market_cap_usd": 3_000_000_000_001.0, "dividend_yield_pct": 0.41,
    "payout_ratio_pct": 15.71, "shares_outstanding": 15_000_000_000.0,
}  # fmt: skip
FUND: dict[str, Any] = {
    "quoteType": {"quoteType": "ETF", "symbol": "FUND", "longName": "Fund Trust"},
    "fundProfile": {
        "family": "House", "categoryName": "Small Blend",
        "feesExpensesInvestment": {"annualReportExpenseRatio": 0.0019, "annualHoldingsTurnover": 0.12},
    },
    "summaryDetail": {"currency": "USD", "yield": 0.0113, "totalAssets": 70_000_000_000, "trailingPE": 17.0},
    "topHoldings": {
        "holdings": [{"symbol": f"H{n}", "holdingPercent": 0.01 * (n + 1)} for n in range(12)],
        "equityHoldings": {"priceToEarnings": 0.0625, "priceToBook": 0.5, "priceToSales": 0.8},
    },
}  # fmt: skip
FUND_FACTS = {
    "expense_ratio_pct": 0.19, "turnover_pct": 12.0, "yield_pct": 1.13, "total_assets_usd": 70_000_000_000.0,
    "top10_weight_pct": 55.0, "holdings_pe": 16.0, "holdings_pb": 2.0, "holdings_ps": 1.25,
}  # fmt: skip
NEWS = [
    {"title": "Acme beats", "publisher": "Wire", "providerPublishTime": 1740442800, "relatedTickers": ["ACME"]},
    {"title": "Acme beats", "publisher": "Wire", "providerPublishTime": 1740442800, "relatedTickers": ["ACME"]},
    {"title": "Why ACME's margin fell", "publisher": "Blog", "providerPublishTime": 1740440000},
    {"title": "Buffett warns", "publisher": "Wire", "providerPublishTime": 1740441000, "relatedTickers": ["BRK-B"]},
    {"title": "ACMEX funds rise", "publisher": "Wire", "providerPublishTime": 1740441000},
    {"title": "Untimed", "publisher": "Wire", "relatedTickers": ["ACME"]},
]


def wrapped(modules: dict[str, Any]) -> dict[str, Any]:
    """Return modules as the wire carries them."""
    return {"quoteSummary": {"result": [modules], "error": None}}


def numbers(frame: pl.DataFrame) -> dict[str, float]:
    """Return the numbers of a facts frame by field."""
    rows = frame.filter(pl.col("value").is_not_null())
    return dict(zip(rows["field"], rows["value"], strict=True))


def texts(frame: pl.DataFrame) -> dict[str, str]:
    """Return the texts of a facts frame by field."""
    rows = frame.filter(pl.col("text").is_not_null())
    return dict(zip(rows["field"], rows["text"], strict=True))


def test_a_share_has_its_numbers_in_our_units() -> None:
    frame = facts("ACME", wrapped(SHARE), TODAY)
    assert frame.schema == FACT_SCHEMA
    assert numbers(frame) == pytest.approx(SHARE_FACTS)
    assert texts(frame) == {"quote_type": "EQUITY", "name": "Acme Inc.", "sector": "Technology"}
    assert frame["known_at"].unique().to_list() == [TODAY]


def test_a_fund_has_the_facts_of_a_fund_and_its_valuation_the_right_way_up() -> None:
    frame = facts("FUND", wrapped(FUND), TODAY)
    assert numbers(frame) == pytest.approx(FUND_FACTS)
    assert texts(frame) == {
        "quote_type": "ETF", "name": "Fund Trust", "category": "Small Blend", "family": "House",
    }  # fmt: skip


def test_a_valuation_that_already_stands_upright_is_kept() -> None:
    fund = copy.deepcopy(FUND)
    fund["topHoldings"]["equityHoldings"] = {"priceToEarnings": 16.0, "priceToBook": 2.0, "priceToSales": 0.8}
    found = numbers(facts("FUND", wrapped(fund), TODAY))
    assert (found["holdings_pe"], found["holdings_pb"], found["holdings_ps"]) == (16.0, 2.0, 0.8)


def test_without_a_pe_the_valuation_of_holdings_is_unknown() -> None:
    fund = copy.deepcopy(FUND)
    del fund["topHoldings"]["equityHoldings"]["priceToEarnings"]
    assert not [name for name in numbers(facts("FUND", wrapped(fund), TODAY)) if name.startswith("holdings_")]


def test_every_field_is_known_to_the_fundamentals_signal() -> None:
    delivered = {*facts("A", wrapped(SHARE), TODAY)["field"], *facts("F", wrapped(FUND), TODAY)["field"]}
    assert delivered <= set(KNOWN_FIELDS)
    assert delivered == set(KNOWN_FIELDS), "Yahoo can deliver every registered field"
    is_text = {name for name, (unit, _) in KNOWN_FIELDS.items() if unit == "text"}
    assert is_text == set(texts(facts("A", wrapped(SHARE), TODAY))) | set(texts(facts("F", wrapped(FUND), TODAY)))


@pytest.mark.parametrize("odd", ["Infinity", None, {}, float("nan"), True, []])
def test_what_is_not_a_finite_number_is_left_out(odd: object) -> None:
    share = copy.deepcopy(SHARE)
    share["summaryDetail"]["trailingPE"] = odd
    assert "trailing_pe" not in numbers(facts("ACME", wrapped(share), TODAY))


def test_formatted_numbers_are_read_too() -> None:
    share = copy.deepcopy(SHARE)
    share["summaryDetail"]["trailingPE"] = {"raw": 12.5, "fmt": "12.50"}
    assert numbers(facts("ACME", wrapped(share), TODAY))["trailing_pe"] == 12.5


def test_money_of_another_currency_is_not_called_dollars() -> None:
    share = copy.deepcopy(SHARE)
    share["financialData"]["financialCurrency"] = "JPY"
    share["summaryDetail"]["currency"] = "JPY"
    assert not [name for name in numbers(facts("7203.T", wrapped(share), TODAY)) if name.endswith("_usd")]


def test_only_headlines_about_the_symbol_are_kept_each_once() -> None:
    frame = headlines("ACME", {"news": NEWS})
    assert frame.schema == HEADLINE_SCHEMA
    assert frame.rows() == [
        ("ACME", datetime(2025, 2, 24, 23, 33, 20, tzinfo=UTC), "Why ACME's margin fell", "Blog"),
        ("ACME", datetime(2025, 2, 25, 0, 20, tzinfo=UTC), "Acme beats", "Wire"),
    ]


@pytest.mark.parametrize("news", [None, {}, ["x"], [{"title": "ACME", "providerPublishTime": "soon"}]])
def test_news_of_another_shape_is_a_bad_payload(news: object) -> None:
    with pytest.raises(BadPayload, match="ACME: Yahoo's news"):
        headlines("ACME", {"news": news})


@pytest.mark.parametrize("payload", [{}, {"quoteSummary": {"result": []}}, {"quoteSummary": {"result": None}}])
def test_a_summary_of_another_shape_is_a_bad_payload(payload: dict[str, Any]) -> None:
    with pytest.raises(BadPayload, match="quoteSummary"):
        facts("ACME", payload, TODAY)


def listing() -> Listing:
    """One bar with news and facts."""
    return Listing("ACME", [(TODAY, 10.0, 11.0, 9.0, 10.5, 900)], news=NEWS, summary=SHARE)


def test_prices_news_and_facts_come_together(yahoo: YahooServer) -> None:
    yahoo.list_(listing())
    (answer,) = source(yahoo, NOW, extras=True).fetch(["ACME"])
    assert isinstance(answer, Delivery)
    assert (answer.bars.height, answer.headlines.height) == (1, 2)
    assert numbers(answer.facts) == pytest.approx(SHARE_FACTS)
    assert answer.facts["known_at"].unique().to_list() == [TODAY], "the exchange's day, not the machine's"
    assert answer.warnings == ()


def test_the_crumb_is_asked_for_once_per_source(yahoo: YahooServer) -> None:
    yahoo.list_(listing())
    list(source(yahoo, NOW, extras=True).fetch(["ACME"] * 5))
    assert sum("getcrumb" in request.path for request in yahoo.log) == 1
    assert len(yahoo.log) <= 5 * 3 + 3


@pytest.mark.parametrize(
    "fault", [TOO_MANY, Fault(200, "<html>oops</html>"), Fault(404, "{}"), Fault(manner="reset"), Fault(200, "{}")]
)
def test_a_fault_of_news_and_facts_is_a_warning_beside_the_prices(yahoo: YahooServer, fault: Fault) -> None:
    yahoo.list_(listing())
    yahoo.faults = lambda request: None if "/chart/" in request.path else fault
    (answer,) = source(yahoo, NOW, extras=True).fetch(["ACME"])
    assert isinstance(answer, Delivery)
    assert answer.bars.height == 1
    assert (answer.headlines.height, answer.facts.height) == (0, 0)
    assert [text.split(",")[0] for text in answer.warnings] == ["no headlines", "no fundamentals"]


def test_a_span_that_ends_in_the_past_asks_for_prices_alone(yahoo: YahooServer) -> None:
    yahoo.list_(listing())
    (answer,) = source(yahoo, datetime(2025, 3, 10, tzinfo=UTC), extras=True).fetch(["ACME"], end=TODAY)
    assert isinstance(answer, Delivery)
    assert len(yahoo.log) == 1
    assert (answer.headlines.height, answer.facts.height) == (0, 0)


def sample(shared_data: Path, name: str) -> Any:
    """Return the body of a real response."""
    return json.loads((shared_data / "wire_samples" / name).read_text())["response"]["bodyJson"]


@pytest.mark.realdata
def test_real_fundamentals_of_a_share(shared_data: Path) -> None:
    frame = facts("AAPL", sample(shared_data, "quoteSummary-all-AAPL.json"), TODAY)
    found = numbers(frame)
    assert set(frame["field"]) <= set(KNOWN_FIELDS)
    assert "peg" not in found, "not in the sample: left out, not guessed"
    assert found == pytest.approx(found | {
        "trailing_pe": 38.91442, "price_to_book": 55.328976, "debt_to_equity": 1.45, "dividend_yield_pct": 0.41,
        "return_on_equity_pct": 136.52, "payout_ratio_pct": 15.71, "market_cap_usd": 3688676720640.0,
    })  # fmt: skip
    assert texts(frame) == {"quote_type": "EQUITY", "name": "Apple Inc.", "sector": "Technology"}


@pytest.mark.realdata
def test_real_facts_of_a_fund(shared_data: Path) -> None:
    """QQQ in February 2025: 0.20 % cost and ~0.5 % yield, ~51 % in ten holdings, a P/E in the mid thirties."""
    frame = facts("QQQ", sample(shared_data, "quoteSummary-all-QQQ.json"), TODAY)
    assert numbers(frame) == pytest.approx(
        {
            "expense_ratio_pct": 0.20, "turnover_pct": 8.07, "yield_pct": 0.54, "total_assets_usd": 328302690304.0,
            "top10_weight_pct": 50.926, "holdings_pe": 34.04, "holdings_pb": 7.93, "holdings_ps": 5.88,
        },
        rel=1e-3,
    )  # fmt: skip
    assert texts(frame) == {
        "quote_type": "ETF", "name": "Invesco QQQ Trust", "category": "Large Growth", "family": "Invesco",
    }  # fmt: skip


@pytest.mark.realdata
def test_the_real_404_of_a_fund_is_a_warning(yahoo: YahooServer, shared_data: Path) -> None:
    body = json.dumps(sample(shared_data, "quoteSummary-financialData-QQQ.json"))
    yahoo.list_(listing())
    yahoo.faults = lambda request: Fault(404, body) if "quoteSummary" in request.path else None
    (answer,) = source(yahoo, NOW, extras=True).fetch(["ACME"])
    assert isinstance(answer, Delivery)
    assert "No fundamentals data found" in answer.warnings[0]


@pytest.mark.realdata
@pytest.mark.parametrize(("symbol", "n_about"), [("AAPL", 3), ("QQQ", 0)])
def test_real_news(shared_data: Path, symbol: str, n_about: int) -> None:
    payload = sample(shared_data, f"search-{symbol}.json")
    frame = headlines(symbol, payload)
    assert frame.height == n_about
    assert len(payload["news"]) >= 3
    if n_about:
        assert frame["published_at"].max() == datetime(2025, 2, 25, 6, 0, 58, tzinfo=UTC)
