"""The simulated market behind the same door as every source."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from contract import SourceCase, SourceContract
from macro_contract import MacroCase, MacroSourceContract
from polars.testing import assert_frame_equal

from openapex.errors import BadInput, UnknownSymbol
from openapex.sources.demo import DemoSource
from openapex.sources.demo import source as demo_source
from openapex.sources.demo.macro import macro
from openapex.sources.demo.universe import FUNDS, STOCKS
from openapex.sources.source import Delivery, Failure, NoNewData


@pytest.fixture(scope="module")
def demo() -> DemoSource:
    return DemoSource()


class TestDemoSource(SourceContract):
    @pytest.fixture
    def case(self, demo: DemoSource) -> SourceCase:
        return SourceCase(demo, known=("FIN08", "IWM", "SPY"), unknown="IWN", day=date(2024, 3, 8))


class TestDemoMacro(MacroSourceContract):
    @pytest.fixture
    def case(self, demo: DemoSource) -> MacroCase:
        return MacroCase(demo, known=(*demo.series(), "UNRATE"), unknown="DGS3", as_of=date(2024, 3, 8))


def test_every_series_is_delivered_and_none_is_a_tradable_symbol(demo: DemoSource):
    assert tuple(demo.macro()["series"].unique().sort()) == tuple(demo.series())
    assert not set(demo.series()) & set(demo.symbols())
    delivered = [answer.macro for answer in demo.fetch(demo.series()) if isinstance(answer, Delivery)]
    assert_frame_equal(pl.concat(delivered), demo.macro())


def test_the_economy_is_computed_once_for_all_series(monkeypatch: pytest.MonkeyPatch):
    calls = []
    monkeypatch.setattr(demo_source, "macro", lambda market: calls.append(market) or macro(market))
    source = DemoSource()
    list(source.fetch(source.series()))
    source.macro()
    assert len(calls) == 1


def test_a_mistyped_symbol_gets_the_nearest_one_offered(demo: DemoSource):
    (answer,) = demo.fetch(["TEC001"])
    assert isinstance(answer, Failure)
    assert isinstance(answer.error, UnknownSymbol)
    assert "symbol is 'TEC001', must be one of the 340" in str(answer.error)
    assert "Did you mean 'TEC01'?" in str(answer.error)
    assert "SIMULATED" in str(answer.error)


def test_start_after_end_is_refused(demo: DemoSource):
    with pytest.raises(BadInput, match="start is 2024-02-01, must not be after end"):
        demo.fetch(["IWM"], start=date(2024, 2, 1), end=date(2024, 1, 1))


def test_before_its_listing_a_symbol_has_no_new_data(demo: DemoSource):
    (answer,) = demo.fetch(["TEC40"], end=date(2025, 12, 15))
    assert isinstance(answer, NoNewData)
    assert "TEC40" in answer.reason


# FIN08 reports on 2024-01-30 (its facts become known that day)
@pytest.mark.parametrize(
    "end", [date(2024, 1, 30), date(2001, 5, 28), date(2024, 1, 2), date(2025, 3, 14), date(2025, 12, 30)]
)
def test_a_cut_holds_the_rows_of_the_full_history_and_nothing_later(demo: DemoSource, end: date):
    start = date(2001, 2, 1)
    for symbol in ("IWM", "FIN08"):
        (whole,) = demo.fetch([symbol])
        (part,) = demo.fetch([symbol], start=start, end=end)
        assert isinstance(whole, Delivery)
        assert isinstance(part, Delivery)
        span = pl.col("session").is_between(start, end)
        assert_frame_equal(part.bars, whole.bars.filter(span))
        assert_frame_equal(part.actions, whole.actions.filter(span))
        published = pl.col("published_at").dt.date().is_between(start, end)
        assert_frame_equal(part.headlines, whole.headlines.filter(published))
        assert_frame_equal(part.facts, whole.facts.filter(pl.col("known_at") <= end))


def test_every_symbol_is_delivered_from_2000_to_2025_on_exchange_sessions(demo: DemoSource):
    symbols = demo.symbols()
    assert len(symbols) == 340
    funds = "SPY QQQ IWM DIA MDY KRE XHB XBI SMH TLT IEF SHY HYG LQD GLD XLB XLC XLE XLF XLI XLK XLP XLRE XLU XLV XLY"
    assert set(funds.split()) <= set(symbols)
    assert sum(symbol[-1].isdigit() for symbol in symbols) >= 300
    (spy,) = demo.fetch(["SPY"])
    days = spy.bars["session"]
    assert (days.min(), days.max()) == (date(2000, 1, 3), date(2025, 12, 31))
    # 26 years of NYSE sessions, counted in exchange_calendars 4.13 (XNYS)
    assert days.len() == 6539
    # closed: 11 to 14 September 2001, Hurricane Sandy, Carter's day of mourning
    closed = {date(2001, 9, 11), date(2001, 9, 14), date(2012, 10, 29), date(2025, 1, 9)}
    assert not closed & set(days.to_list())


def test_everything_in_words_says_simulated(demo: DemoSource):
    for answer in demo.fetch(demo.symbols()[::17]):
        assert answer.simulated
        assert answer.headlines["publisher"].str.contains("SIMULATED").all()
        assert answer.headlines["title"].str.contains("SIMULATED").all()
        assert answer.facts.filter(pl.col("field") == "name")["text"].str.contains("SIMULATED").all()


def test_the_docs_name_every_fund_sector_and_series(demo: DemoSource):
    page = (Path(__file__).parents[2] / "docs" / "simulated-market.md").read_text(encoding="utf-8")
    codes = {symbol[:3] for symbol in STOCKS}
    ranges = [f"{code}01–{sum(symbol[:3] == code for symbol in STOCKS)}" for code in codes]
    for word in (*FUNDS, *ranges, *demo.macro()["series"].unique(), "SIMULATED"):
        assert word in page, word
