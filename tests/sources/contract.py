"""The contract of every source.  A new source joins by a subclass with a `case` fixture::

class TestMySource(SourceContract):
    @pytest.fixture
    def case(self, tmp_path):
        return SourceCase(MySource(...), known=("SPY", "IWM"), unknown="SPYY", day=date(2024, 3, 8))
"""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl
from polars.testing import assert_frame_equal

from openapex.bars import BAR_SCHEMA
from openapex.errors import ApexError, UnknownSymbol
from openapex.sources.source import (
    ACTION_SCHEMA,
    FACT_SCHEMA,
    HEADLINE_SCHEMA,
    Answer,
    Delivery,
    Failure,
    NoNewData,
    Source,
)


@dataclass(frozen=True)
class SourceCase:
    """A source under test: at least two symbols it holds, one it does not, and a session on which all have a bar.

    `closed` is a day without a session inside the history of the known symbols.
    """

    source: Source
    known: tuple[str, ...]
    unknown: str
    day: date
    closed: date = date(2024, 3, 9)  # a Saturday


class SourceContract:
    """What every source must do; subclasses give the `case` fixture."""

    def test_it_is_a_source(self, case: SourceCase):
        assert isinstance(case.source, Source)
        assert case.source.name == case.source.name.lower() != ""

    def test_one_answer_per_symbol_in_the_order_asked(self, case: SourceCase):
        asked = [case.known[1], case.unknown, case.known[0]]
        answers = self.answers(case, asked)
        assert [answer.symbol for answer in answers] == asked
        assert [type(answer) for answer in answers] == [Delivery, Failure, Delivery]

    def test_no_symbols_no_answers(self, case: SourceCase):
        assert self.answers(case, []) == []

    def test_an_unknown_symbol_is_a_named_failure(self, case: SourceCase):
        (answer,) = self.answers(case, [case.unknown])
        assert isinstance(answer, Failure)
        assert isinstance(answer.error, ApexError)
        assert isinstance(answer.error, UnknownSymbol), answer.error
        assert case.unknown in str(answer.error)

    def test_frames_follow_their_schemas(self, case: SourceCase):
        for delivery in self.deliveries(case):
            assert delivery.bars.schema == BAR_SCHEMA
            assert delivery.actions.schema == ACTION_SCHEMA
            assert delivery.headlines.schema == HEADLINE_SCHEMA
            assert delivery.facts.schema == FACT_SCHEMA
            assert delivery.basis in ("as_traded", "split_adjusted")
            assert delivery.n_superseded >= 0
            assert all(isinstance(sentence, str) for sentence in delivery.warnings)

    def test_bars_are_the_symbols_own_sorted_and_unique(self, case: SourceCase):
        for delivery in self.deliveries(case):
            assert delivery.bars.height > 0
            assert delivery.bars["symbol"].unique().to_list() == [delivery.symbol]
            assert delivery.bars["session"].null_count() == 0
            assert delivery.bars["session"].is_sorted()
            assert delivery.bars["session"].is_unique().all()
            for frame in (delivery.actions, delivery.headlines, delivery.facts):
                assert set(frame["symbol"]) <= {delivery.symbol}

    def test_the_sender_is_named_and_simulation_never_hidden(self, case: SourceCase):
        for delivery in self.deliveries(case):
            assert delivery.source.split(":")[0] == case.source.name
            assert delivery.simulated is case.source.simulated

    def test_a_span_is_inclusive_at_both_ends(self, case: SourceCase):
        (whole,) = self.deliveries(case, case.known[:1])
        begin, end = case.day - timedelta(days=10), case.day
        (part,) = self.deliveries(case, case.known[:1], start=begin, end=end)
        assert part.bars["session"].max() == end
        inside = whole.bars.filter(pl.col("session").is_between(begin, end))
        assert_frame_equal(part.bars, inside)
        (one,) = self.deliveries(case, case.known[:1], start=end, end=end)
        assert one.bars["session"].to_list() == [end]

    def test_a_span_without_a_session_is_no_new_data(self, case: SourceCase):
        (answer,) = self.answers(case, case.known[:1], start=case.closed, end=case.closed)
        assert isinstance(answer, NoNewData)
        assert answer.reason

    def test_a_span_after_the_last_bar_is_no_new_data_or_failure_but_never_an_empty_delivery(self, case: SourceCase):
        (answer,) = self.answers(case, case.known[:1], start=date(2040, 1, 3), end=date(2040, 1, 6))
        assert isinstance(answer, NoNewData | Failure)

    def test_asking_twice_gives_the_same(self, case: SourceCase):
        for first, second in zip(self.deliveries(case), self.deliveries(case), strict=True):
            assert_frame_equal(first.bars, second.bars)
            assert_frame_equal(first.actions, second.actions)

    def test_symbols_are_listed_sorted_or_not_at_all(self, case: SourceCase):
        listed = list(case.source.symbols())
        assert listed == sorted(set(listed))
        assert not listed or set(case.known) <= set(listed)

    def answers(
        self, case: SourceCase, symbols: tuple[str, ...] | list[str], start: date | None = None, end: date | None = None
    ) -> list[Answer]:
        return list(case.source.fetch(symbols, start=start, end=end))

    def deliveries(
        self,
        case: SourceCase,
        symbols: tuple[str, ...] | None = None,
        start: date | None = None,
        end: date | None = None,
    ) -> list[Delivery]:
        answers = self.answers(case, case.known if symbols is None else symbols, start, end)
        bad = [answer for answer in answers if not isinstance(answer, Delivery)]
        assert not bad, bad
        return [answer for answer in answers if isinstance(answer, Delivery)]
