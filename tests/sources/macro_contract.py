"""The contract of every source of macro series.  A source joins by a subclass with a `case` fixture::

class TestMySource(MacroSourceContract):
    @pytest.fixture
    def case(self):
        return MacroCase(MySource(...), known=("DGS2", "UNRATE"), unknown="DGS22", as_of=date(2024, 3, 8))
"""

import math
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from openapex.bars import BAR_SCHEMA
from openapex.errors import ApexError, BadInput
from openapex.sources.source import MACRO_SCHEMA, Answer, Delivery, Failure, NoNewData, Source


@dataclass(frozen=True)
class MacroCase:
    """A source under test: at least two series it holds, one it does not.

    On `as_of`, inside their history, the last known series has a value of an earlier reference date that is not yet
    public.
    """

    source: Source
    known: tuple[str, ...]
    unknown: str
    as_of: date


class MacroSourceContract:
    """What every source of macro series must do; subclasses give the `case` fixture."""

    def test_one_answer_per_series_in_the_order_asked(self, case: MacroCase):
        asked = [case.known[1], case.unknown, case.known[0]]
        answers = self.answers(case, asked)
        assert [answer.symbol for answer in answers] == asked
        assert [type(answer) for answer in answers] == [Delivery, Failure, Delivery]

    def test_an_unknown_series_is_a_named_failure(self, case: MacroCase):
        (answer,) = self.answers(case, [case.unknown])
        assert isinstance(answer, Failure)
        assert isinstance(answer.error, ApexError)
        assert case.unknown in str(answer.error)

    def test_macro_rows_follow_the_schema_and_there_are_no_bars(self, case: MacroCase):
        for answer in self.deliveries(case):
            assert answer.macro.schema == MACRO_SCHEMA
            assert answer.bars.schema == BAR_SCHEMA
            assert answer.bars.is_empty()
            assert answer.actions.is_empty()
            assert answer.headlines.is_empty()
            assert answer.facts.is_empty()
            assert answer.source.split(":")[0] == case.source.name
            assert answer.simulated == case.source.simulated

    def test_rows_are_of_the_series_sorted_and_once(self, case: MacroCase):
        for answer in self.deliveries(case):
            assert answer.macro["series"].unique().to_list() == [answer.symbol]
            keys = answer.macro.select("reference_date", "known_at").rows()
            assert keys == sorted(set(keys))

    def test_only_values_may_be_null_and_none_is_infinite(self, case: MacroCase):
        for answer in self.deliveries(case):
            assert answer.macro.drop("value").null_count().sum_horizontal().item() == 0
            assert all(value is None or math.isfinite(value) for value in answer.macro["value"])

    def test_nothing_is_known_before_the_date_it_is_about(self, case: MacroCase):
        for answer in self.deliveries(case):
            assert (answer.macro["known_at"] >= answer.macro["reference_date"]).all()

    def test_scenario_26_the_end_cuts_by_the_day_known(self, case: MacroCase):
        """Failure scenario 26: a value published after the end is not visible, whatever date it is about."""
        hidden = {}
        for whole, part in zip(self.deliveries(case), self.deliveries(case, end=case.as_of), strict=True):
            known = (pl.col("known_at") <= case.as_of) & (pl.col("reference_date") <= case.as_of)
            assert_frame_equal(part.macro, whole.macro.filter(known))
            not_yet = (pl.col("known_at") > case.as_of) & (pl.col("reference_date") < case.as_of)
            hidden[whole.symbol] = whole.macro.filter(not_yet).height
        assert hidden[case.known[-1]] > 0, hidden

    def test_the_start_is_a_reference_date(self, case: MacroCase):
        start = case.as_of - timedelta(days=400)
        for whole, part in zip(self.deliveries(case), self.deliveries(case, start=start), strict=True):
            assert_frame_equal(part.macro, whole.macro.filter(pl.col("reference_date") >= start))

    def test_a_span_in_the_future_is_no_new_data_or_failure(self, case: MacroCase):
        for answer in self.answers(case, case.known, start=date(2040, 1, 3), end=date(2040, 1, 6)):
            assert isinstance(answer, NoNewData | Failure)

    def test_start_after_end_is_refused(self, case: MacroCase):
        with pytest.raises(BadInput, match="start is 2024-02-01, must not be after end"):
            case.source.fetch(case.known, start=date(2024, 2, 1), end=date(2024, 1, 1))

    def test_asking_twice_gives_the_same(self, case: MacroCase):
        for first, second in zip(self.deliveries(case), self.deliveries(case), strict=True):
            assert_frame_equal(first.macro, second.macro)

    def answers(
        self, case: MacroCase, series: tuple[str, ...] | list[str], start: date | None = None, end: date | None = None
    ) -> list[Answer]:
        return list(case.source.fetch(series, start=start, end=end))

    def deliveries(self, case: MacroCase, start: date | None = None, end: date | None = None) -> list[Delivery]:
        answers = self.answers(case, case.known, start, end)
        bad = [answer for answer in answers if not isinstance(answer, Delivery)]
        assert not bad, bad
        return [answer for answer in answers if isinstance(answer, Delivery)]
