"""What the simulated market prints day by day: bars, splits, dividends, headlines, facts, macro."""

import re
import tomllib
from collections.abc import Mapping
from datetime import date, timedelta
from importlib import resources

import numpy as np
import polars as pl
import pytest

from openapex.adjust import adjusted
from openapex.sources.demo import DemoSource
from openapex.sources.demo.returns import fund_returns, stock_returns
from openapex.sources.demo.universe import FUNDS, STOCKS, stock
from openapex.sources.source import Delivery


@pytest.fixture(scope="module")
def demo() -> DemoSource:
    return DemoSource()


@pytest.fixture(scope="module")
def market(demo: DemoSource) -> Mapping[str, Delivery]:
    return {answer.symbol: answer for answer in demo.fetch(demo.symbols())}


@pytest.fixture(scope="module")
def all_bars(market: Mapping[str, Delivery]) -> pl.DataFrame:
    return pl.concat([delivery.bars for delivery in market.values()])


def test_bars_are_consistent_and_in_cents(all_bars: pl.DataFrame):
    o, h, l, c = (all_bars[name].to_numpy() for name in ("open", "high", "low", "close"))  # noqa: E741
    assert (l <= np.minimum(o, c)).all()
    assert (h >= np.maximum(o, c)).all()
    assert (l >= 0.01).all()
    for column in (o, h, l, c):
        assert (np.rint(column * 100.0) / 100.0 == column).all()
    volume = all_bars["volume"].to_numpy()
    assert (volume >= 100).all()
    assert (volume % 100 == 0).all()
    assert all_bars["adj_close"].is_null().all()
    assert not all_bars["provisional"].any()


def test_prices_stay_where_exchange_prices_are(all_bars: pl.DataFrame):
    assert all_bars["close"].min() > 0.5
    assert all_bars.filter(pl.col("symbol").is_in(list(STOCKS)))["close"].max() < 900.0


def test_there_are_splits_both_ways_and_funds_have_none(market: Mapping[str, Delivery]):
    actions = pl.concat([delivery.actions for delivery in market.values()])
    splits = actions.filter(pl.col("kind") == "split")
    assert splits.filter(pl.col("value") > 1.0).height > 100
    assert splits.filter(pl.col("value") < 1.0).height > 10
    assert set(splits["value"].unique()) <= {0.1, 2.0, 3.0, 4.0, 5.0, 10.0}
    assert not set(splits["symbol"]) & set(FUNDS)


def test_a_split_moves_the_traded_price_and_volume_by_its_ratio(market: Mapping[str, Delivery]):
    n = 0
    for delivery in market.values():
        close = dict(zip(delivery.bars["session"], delivery.bars["close"], strict=True))
        days = list(close)
        for day, value in delivery.actions.filter(pl.col("kind") == "split").select("session", "value").iter_rows():
            before = close[days[days.index(day) - 1]]
            assert close[day] * value / before == pytest.approx(1.0, abs=0.35)
            n += 1
    assert n > 150


def test_after_a_split_as_many_more_shares_change_hands(market: Mapping[str, Delivery]):
    change = []
    for delivery in market.values():
        days, volume = delivery.bars["session"].to_list(), delivery.bars["volume"].to_numpy()
        for day, value in delivery.actions.filter(pl.col("kind") == "split").select("session", "value").iter_rows():
            at = days.index(day)
            change.append(np.median(volume[at : at + 20]) / np.median(volume[at - 20 : at]) / value)
    assert 0.85 < np.median(change) < 1.15


def test_adjusted_returns_are_the_returns_that_were_simulated(demo: DemoSource, market: Mapping[str, Delivery]):
    for symbol in (*FUNDS, *STOCKS[::3]):
        delivery = market[symbol]
        result = adjusted(delivery.bars, delivery.actions, delivery.basis)
        assert result.warnings == ()
        total = result.bars["adj_close"].to_numpy()
        latent = _latent(demo, symbol)[-len(total) :]
        # prices are in cents: half a cent off on both days, against the lower of the two prices
        cents = 0.013 / np.minimum(delivery.bars["close"].to_numpy()[1:], delivery.bars["close"].to_numpy()[:-1])
        assert (np.abs(total[1:] / total[:-1] - 1.0 - latent[1:]) < cents).all(), symbol


def _latent(demo: DemoSource, symbol: str) -> np.ndarray:
    latent = demo._market
    if symbol in FUNDS:
        return fund_returns(latent, FUNDS[symbol]).total
    return stock_returns(latent, stock(latent.draws, symbol)).total


def test_dividends_are_paid_four_times_a_year_or_monthly_by_bond_funds(market: Mapping[str, Delivery]):
    for symbol, a_year in (("SPY", 4), ("TLT", 12), ("HYG", 12)):
        days = market[symbol].actions.filter(pl.col("kind") == "dividend")["session"]
        assert [sum(day.year == year for day in days) for year in range(2001, 2026)] == [a_year] * 25
    assert market["GLD"].actions.is_empty()
    payers = [s for s in STOCKS if market[s].actions.filter(pl.col("kind") == "dividend").height]
    assert 0.4 < len(payers) / len(STOCKS) < 0.85


def test_stocks_come_to_the_market_over_the_years(market: Mapping[str, Delivery]):
    first = {symbol: market[symbol].bars["session"].min() for symbol in STOCKS}
    late = [day for day in first.values() if day > date(2000, 1, 3)]
    assert 0.2 < len(late) / len(STOCKS) < 0.4
    assert len({day.year for day in late}) > 15
    assert first["TEC40"] == date(2025, 12, 16)
    assert market["TEC40"].bars.height == 11


def _tone(title: str, tones: Mapping[str, list[re.Pattern[str]]]) -> int:
    return next(
        (sign for kind, sign in (("good", 1), ("bad", -1)) if any(line.match(title) for line in tones[kind])), 0
    )


@pytest.fixture(scope="module")
def tones() -> Mapping[str, list[re.Pattern[str]]]:
    text = resources.files("openapex.sources.demo").joinpath("news.toml").read_text(encoding="utf-8")
    found: dict[str, list[re.Pattern[str]]] = {"good": [], "bad": []}
    for kind, lines in tomllib.loads(text).items():
        for side, patterns in found.items():
            if kind.endswith(side):
                patterns += [re.compile(re.sub(r"\\{\w+\\}", ".+", re.escape(line))) for line in lines]
    return found


def test_headlines_cover_two_years_around_the_clock(market: Mapping[str, Delivery]):
    news = pl.concat([delivery.headlines for delivery in market.values()])
    assert news["published_at"].dt.date().min() >= date(2024, 1, 1)
    assert news["published_at"].dt.date().max() == date(2025, 12, 31)
    assert news["published_at"].dt.hour().n_unique() == 24
    assert news["published_at"].dt.weekday().n_unique() == 7
    assert 60 < market["IWM"].headlines.filter(pl.col("published_at").dt.year() == 2025).height < 130
    for delivery in market.values():
        assert delivery.headlines["published_at"].is_sorted()
        assert delivery.headlines["title"].is_unique().all()


def test_headlines_look_back_weakly_and_never_forward(
    market: Mapping[str, Delivery], tones: Mapping[str, list[re.Pattern[str]]]
):
    back, ahead, tone = [], [], []
    for symbol in STOCKS[::3]:
        delivery = market[symbol]
        bars = adjusted(delivery.bars, delivery.actions, delivery.basis).bars
        close, days = bars["adj_close"].to_numpy(), bars["session"].to_numpy()
        move = close[1:] / close[:-1] - 1.0
        for when, title in delivery.headlines.select("published_at", "title").iter_rows():
            # the last close (21:00 UTC or earlier) that stood when the headline came out
            at = int(np.searchsorted(days, np.datetime64((when - timedelta(hours=21)).date()), side="right")) - 1
            if 1 <= at < len(move) and "quarter" not in title:
                back.append(move[at - 1] / move.std())
                ahead.append(move[at] / move.std())
                tone.append(_tone(title, tones))
    assert len(tone) > 5000
    assert 0.08 < np.corrcoef(back, tone)[0, 1] < 0.4
    assert abs(np.corrcoef(ahead, tone)[0, 1]) < 4.0 / len(tone) ** 0.5
    assert {-1, 0, 1} == set(tone)


def test_reports_are_in_the_news_on_the_day_their_facts_become_known(market: Mapping[str, Delivery]):
    for symbol in ("TEC39", "FIN08", "HLC36"):
        delivery = market[symbol]
        told = delivery.headlines.filter(pl.col("title").str.contains("quarterly profit|posts (record|weak) quarter"))
        known = delivery.facts.filter((pl.col("field") == "market_cap_usd") & (pl.col("known_at") >= date(2024, 1, 1)))
        assert told["published_at"].dt.date().to_list() == known["known_at"].to_list()
        assert told.height >= 3


STOCK_FIELDS = """
    quote_type name sector trailing_pe forward_pe price_to_book price_to_sales revenue_growth_pct earnings_growth_pct
    gross_margin_pct operating_margin_pct profit_margin_pct return_on_equity_pct debt_to_equity current_ratio
    free_cash_flow_usd market_cap_usd dividend_yield_pct
"""


def test_facts_have_the_names_the_fundamentals_signal_reads(market: Mapping[str, Delivery]):
    from openapex.signals.fundamentals import KNOWN_FIELDS

    facts = pl.concat([delivery.facts for delivery in market.values()])
    assert set(facts["field"]) <= set(KNOWN_FIELDS)
    assert set(market["FIN08"].facts["field"]) == set(STOCK_FIELDS.split())
    funds = {"expense_ratio_pct", "yield_pct", "total_assets_usd", "holdings_pe", "holdings_pb", "top10_weight_pct"}
    assert set(market["KRE"].facts["field"]) == funds | {"quote_type", "name", "sector", "category"}
    kinds = facts.filter(pl.col("field") == "quote_type")["text"].value_counts(sort=True)
    assert dict(kinds.iter_rows()) == {"EQUITY": len(STOCKS), "ETF": len(FUNDS)}
    text = facts.filter(pl.col("text").is_not_null())
    assert set(text["field"]) == {"quote_type", "name", "sector", "category"}
    assert facts.filter(pl.col("text").is_null())["value"].is_finite().all()


def test_reports_come_30_to_52_days_after_the_quarter(market: Mapping[str, Delivery]):
    lags = []
    for symbol in STOCKS[::5]:
        facts = market[symbol].facts.filter(pl.col("field") == "market_cap_usd")
        for day in facts["known_at"]:
            ends = [date(day.year + y, m, d) for y in (-1, 0) for m, d in ((3, 31), (6, 30), (9, 30), (12, 31))]
            lags.append((day - max(end for end in ends if end < day)).days)
    assert min(lags) >= 30
    assert max(lags) <= 52
    assert 37 < float(np.median(lags)) < 42  # fundamentals_pit.parquet, 10-K/10-Q 2015-2017: median 39


def test_ratios_of_a_quarter_agree_with_each_other(market: Mapping[str, Delivery]):
    wide = market["FIN08"].facts.filter(pl.col("value").is_not_null()).pivot("field", index="known_at", values="value")
    assert wide.height > 90
    pe, margin = wide["trailing_pe"].to_numpy(), wide["profit_margin_pct"].to_numpy()
    assert wide["price_to_sales"].to_numpy() == pytest.approx(pe * margin / 100.0, abs=0.02)
    assert wide["return_on_equity_pct"].to_numpy() == pytest.approx(
        wide["price_to_book"].to_numpy() / pe * 100.0, rel=0.02
    )
    assert (wide["gross_margin_pct"] > wide["operating_margin_pct"]).all()
    assert (wide["operating_margin_pct"] > wide["profit_margin_pct"]).all()


SERIES = "DGS2 DGS10 T10Y2Y DFF FEDFUNDS BAMLH0A0HYM2 VIXCLS ICSA PAYEMS UNRATE CFNAI USREC DTWEXBGS"


def test_macro_series_are_published_after_what_they_are_about(demo: DemoSource):
    macro = demo.macro()
    assert set(macro["series"]) == set(SERIES.split())
    assert macro["value"].is_finite().all()
    lag = macro.with_columns(lag=(pl.col("known_at") - pl.col("reference_date")).dt.total_days())
    shortest = dict(lag.group_by("series").agg(pl.col("lag").min()).iter_rows())
    assert min(shortest.values()) >= 1
    assert shortest["ICSA"] == 5  # Saturday to Thursday
    assert shortest["PAYEMS"] >= 28  # first Friday of the month after
    assert shortest["USREC"] > 250  # dated by a committee, months later
    first = macro.filter((pl.col("series") == "PAYEMS") & (pl.col("reference_date") == date(2023, 8, 1)))
    assert first["known_at"].to_list() == [date(2023, 9, 1), date(2023, 9, 29)]
    assert first["value"][0] != first["value"][1]


def test_the_spread_of_yields_is_their_difference(demo: DemoSource):
    wide = (
        demo.macro()
        .filter(pl.col("series").is_in(["DGS2", "DGS10", "T10Y2Y"]))
        .pivot("series", index="reference_date", values="value")
    )
    assert wide["T10Y2Y"].to_numpy() == pytest.approx((wide["DGS10"] - wide["DGS2"]).to_numpy(), abs=1e-9)
    assert 0.05 < (wide["T10Y2Y"] < 0).mean() < 0.5
