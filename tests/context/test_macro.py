"""Macro series as known: scenarios 24 to 26, revisions, ages, and the tail against a slow twin."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.context.published import KINDS, macro_of, months, published, random_rows, weekdays

from openapex.context.causal import UNKNOWN
from openapex.context.macro import SERIES, Macro, Tail
from openapex.errors import UnreadableData


def rows(*publications: tuple[str, str, float | None], series: str = "ICSA") -> pl.DataFrame:
    """Return rows of (reference date, day of publication, value)."""
    kept = [(series, date.fromisoformat(a), date.fromisoformat(b), v) for a, b, v in publications]
    return pl.DataFrame(kept, schema=KINDS, orient="row")


def array(*days: str) -> np.ndarray:
    return np.array(days, dtype="datetime64[D]")


class TestScenarios:
    def test_scenario_24_a_missing_value_is_carried_not_zero_and_counted(self):
        """FRED's "." of the holiday 2024-03-29 is null: Wednesday carries Monday's value."""
        days = array("2024-03-26", "2024-03-27", "2024-03-28", "2024-04-01", "2024-04-02", "2024-04-03")
        macro = macro_of(
            rows(
                ("2024-03-25", "2024-03-26", 4.60),
                ("2024-03-26", "2024-03-27", 4.61),
                ("2024-03-27", "2024-03-28", 4.57),
                ("2024-03-28", "2024-03-29", 4.59),
                ("2024-03-29", "2024-04-01", None),
                ("2024-04-01", "2024-04-02", 4.72),
                series="DGS2",
            )
        )
        assert macro.on("DGS2", days).tolist() == [4.60, 4.61, 4.57, 4.59, 4.72, 4.72]
        (known,) = macro.known(["DGS2", "DGS10"], days)
        assert (known.value, known.reference_date, known.known_at) == (4.72, date(2024, 4, 1), date(2024, 4, 2))
        assert (known.n_carried, known.age_days, known.is_stale) == (1, 2, False)

    def test_scenario_24_a_value_older_than_its_limit_is_unknown(self):
        macro = macro_of(published("DGS2", array("2024-01-02"), [4.3]))
        limit = SERIES["DGS2"].max_age_days
        days = array("2024-01-02")[0] + np.array([0, 1, limit, limit + 1])
        assert macro.on("DGS2", days).tolist() == pytest.approx([np.nan, 4.3, 4.3, np.nan], nan_ok=True)
        assert macro.standing("DGS2", days[:3]).value == 4.3
        assert macro.standing("DGS2", days) is None
        (known,) = macro.known(["DGS2"], days)
        assert (known.is_stale, known.age_days) == (True, limit + 1)

    def test_scenario_24_sessions_before_the_series_or_past_its_limit_carry_nothing(self):
        days = weekdays("2024-01-01", 40)
        macro = macro_of(published("DGS2", days[10:12], [4.3, 4.4], lag_days=0))
        (known,) = macro.known(["DGS2"], days)
        assert known.is_stale
        assert known.n_carried == 8  # 2024-01-17 to 01-26, ten days after the 16th

    def test_scenario_24_only_the_last_252_sessions_are_counted(self):
        days = weekdays("2023-01-02", 300)
        macro = macro_of(published("UNRATE", months("2022-11", 14), np.arange(14.0), lag_days=40))
        (known,) = macro.known(["UNRATE"], days)
        publications = (months("2022-11", 14) + 40).tolist()
        days = days.tolist()
        fresh = sum(
            any(days[i - 1] < day <= days[i] for day in publications) for i in range(len(days) - 252, len(days))
        )
        assert known.n_carried == 252 - fresh

    def test_scenario_24_a_series_without_values_says_nothing(self):
        macro = macro_of(rows(("2024-01-06", "2024-01-11", None)))
        days = weekdays("2024-01-15", 3)
        assert macro.tail("ICSA", 4) is None
        assert "ICSA" not in macro
        assert macro.known(["ICSA"], days) == ()
        assert np.isnan(macro.on("ICSA", days)).all()

    def test_scenario_25_the_past_sees_what_was_published_not_the_revision(self):
        """UNRATE 2023-08 was published as 3.8 and is 3.7 here from 2023-10-06 on: 2023-10-01 sees 3.8."""
        macro = macro_of(rows(("2023-08-01", "2023-09-01", 3.8), ("2023-08-01", "2023-10-06", 3.7), series="UNRATE"))
        days = array("2023-08-31", "2023-09-01", "2023-09-29", "2023-10-05", "2023-10-06")
        assert macro.on("UNRATE", days).tolist() == pytest.approx([np.nan, 3.8, 3.8, 3.8, 3.7], nan_ok=True)
        assert macro.until(date(2023, 10, 1)).latest("UNRATE")[1].tolist() == [3.8]
        assert macro.latest("UNRATE", date(2023, 10, 1))[1].tolist() == [3.8]
        assert macro.latest("UNRATE")[1].tolist() == [3.7]

    def test_scenario_26_a_value_is_invisible_before_its_release(self):
        """The CPI of March 2023 was released on 2023-04-12."""
        macro = macro_of(
            rows(("2023-03-01", "2023-04-12", 301.8), ("2023-02-01", "2023-03-14", 301.6), series="UNRATE")
        )
        assert macro.on("UNRATE", array("2023-03-31", "2023-04-11", "2023-04-12")).tolist() == [301.6, 301.6, 301.8]
        (known,) = macro.known(["UNRATE"], array("2023-03-30", "2023-03-31"))
        assert (known.value, known.reference_date) == (301.6, date(2023, 2, 1))
        assert macro.known(["UNRATE"], array("2023-03-01")) == ()


class TestKnown:
    def test_is_dated_by_its_own_publication_not_by_a_revision_of_an_older_value(self):
        macro = macro_of(
            rows(
                ("2024-01-06", "2024-01-11", 200.0),
                ("2024-01-13", "2024-01-18", 210.0),
                ("2024-01-06", "2024-01-25", 201.0),
            )
        )
        (known,) = macro.known(["ICSA"], array("2024-01-25"))
        assert (known.value, known.known_at) == (210.0, date(2024, 1, 18))

    def test_says_whether_the_figure_is_the_one_published(self):
        frame = rows(("2024-01-06", "2024-01-11", 200.0), ("2024-01-13", "2024-01-18", 210.0))
        macro = Macro(frame.with_columns(as_published=pl.Series([True, False])))
        assert macro.known(["ICSA"], array("2024-01-12"))[0].as_published
        assert not macro.known(["ICSA"], array("2024-01-19"))[0].as_published
        assert not Macro(frame).known(["ICSA"], array("2024-01-19"))[0].as_published

    def test_of_an_unlisted_series_has_its_name_for_a_title(self):
        (known,) = macro_of(published("XYZ", array("2024-01-02"), [1.0])).known(["XYZ"], array("2024-01-03"))
        assert (known.title, known.unit) == ("XYZ", "")


class TestTail:
    REVISED = (
        ("2024-01-06", "2024-01-11", 200.0),
        ("2024-01-13", "2024-01-18", 210.0),
        ("2024-01-06", "2024-01-18", 205.0),
        ("2024-01-13", "2024-01-20", 212.0),
        ("2024-01-20", "2024-01-25", 220.0),
    )

    def test_holds_the_last_values_as_they_stood_on_each_day(self):
        tail = macro_of(rows(*self.REVISED)).tail("ICSA", 2)
        assert tail.known.tolist() == array("2024-01-11", "2024-01-18", "2024-01-20", "2024-01-25").tolist()
        assert tail.values[1:].tolist() == [[205.0, 210.0], [205.0, 212.0], [212.0, 220.0]]
        assert np.isnan(tail.values[0, 0])

    def test_tells_new_reference_dates_from_revisions(self):
        tail = macro_of(rows(*self.REVISED)).tail("ICSA", 2)
        assert tail.is_new.tolist() == [True, True, False, True]
        assert tail.carried(np.array([1.0, 2.0, 3.0])).tolist() == [1.0, 2.0, 2.0, 3.0]

    def test_gives_the_history_up_to_the_last_session(self):
        tail = macro_of(rows(*self.REVISED)).tail("ICSA", 2)
        made = np.array([1.0, 2.0, 2.5, 3.0])
        assert tail.history(array("2024-01-10"), made).tolist() == []
        assert tail.history(array("2024-01-22"), made).tolist() == [1.0, 2.0]
        assert tail.history(array("2024-01-25"), made).tolist() == [1.0, 2.0, 3.0]
        assert tail.history(array("2024-03-25"), made).tolist() == []

    def test_carries_states_to_sessions(self):
        tail = macro_of(rows(*self.REVISED)).tail("ICSA", 2)
        days = array("2024-01-10", "2024-01-11", "2024-01-19", "2024-01-25", "2024-03-25")
        states = tail.states(days, np.array([UNKNOWN, 1, 0], dtype=np.int8), ("A", "B"))
        assert states.codes.tolist() == [UNKNOWN, UNKNOWN, 1, 0, UNKNOWN]

    def test_of_nothing_is_unknown_everywhere(self):
        tail, days = Tail.nothing(3), weekdays("2024-01-01", 2)
        assert np.isnan(tail.on(days)).all()
        assert tail.carried(np.empty(0)).tolist() == []
        assert tail.history(days, np.empty(0)).tolist() == []
        assert tail.states(days, np.empty(0, dtype=np.int8), ("A",)).codes.tolist() == [UNKNOWN] * 2

    @given(seed=st.integers(0, 10_000), window=st.integers(1, 6))
    def test_is_what_a_reader_of_all_publications_would_have_noted(self, seed, window):
        rng = np.random.default_rng(seed)
        frame = random_rows("DGS2", weekdays("2024-01-01", 30), rng.normal(size=30), rng)
        tail = macro_of(frame).tail("DGS2", window)
        kept = frame.filter(pl.col("value").is_not_null()).sort("known_at", maintain_order=True)
        noted, newest = [], date.min
        for day in sorted(set(kept["known_at"].to_list())):
            seen = dict(kept.filter(pl.col("known_at") <= day).select("reference_date", "value").iter_rows())
            abouts = [one for one in sorted(seen) if one > newest] or [max(seen)]
            noted += [(day, about, [seen[one] for one in sorted(seen) if one <= about][-window:]) for about in abouts]
            newest = abouts[-1]
        assert tail.known.tolist() == [day for day, _, _ in noted]
        assert tail.reference.tolist() == [about for _, about, _ in noted]
        for row, (_, _, values) in zip(tail.values.tolist(), noted, strict=True):
            assert row == pytest.approx([np.nan] * (window - len(values)) + values, nan_ok=True)

    def test_has_a_row_for_each_of_several_values_of_one_day(self):
        """A month that ends on Sunday has its own spread, published on Monday with Friday's."""
        friday, sunday, monday = "2024-06-28", "2024-06-30", "2024-07-01"
        frame = rows(("2024-06-27", friday, 3.1), (friday, monday, 3.2), (sunday, monday, 3.3))
        revision = rows(("2024-06-27", "2024-07-05", 3.0))
        for tail in (macro_of(frame).tail("ICSA", 2), macro_of(frame, revision).tail("ICSA", 2)):
            assert tail.known[:3].tolist() == array(friday, monday, monday).tolist()
            assert tail.values[1:3].tolist() == [[3.1, 3.2], [3.2, 3.3]]
            assert tail.is_new[:3].all()
            assert tail.on(array(monday)).tolist() == [3.3]
            assert tail.history(array(monday), tail.newest).tolist() == [3.1, 3.2, 3.3]

    @given(seed=st.integers(0, 10_000), data=st.data())
    def test_cut_macro_gives_the_first_rows_of_the_whole(self, seed, data):
        rng = np.random.default_rng(seed)
        macro = macro_of(random_rows("DGS2", weekdays("2024-01-01", 30), rng.normal(size=30), rng))
        whole = macro.tail("DGS2", 4)
        day = data.draw(st.sampled_from(whole.known.tolist()))
        part, cut = macro.until(day).tail("DGS2", 4), np.count_nonzero(whole.known <= np.datetime64(day))
        for name in ("known", "reference", "values"):
            assert getattr(part, name).tobytes() == np.ascontiguousarray(getattr(whole, name)[:cut]).tobytes()


def test_a_frame_without_day_of_publication_is_refused():
    with pytest.raises(UnreadableData, match="known_at"):
        Macro(pl.DataFrame({"series": ["DGS2"], "reference_date": [date(2024, 1, 2)], "value": [4.3]}))


def test_nothing_holds_nothing():
    macro = Macro.nothing()
    assert "DGS2" not in macro
    assert macro.latest("DGS2")[1].tolist() == []
    assert macro.known(SERIES, weekdays("2024-01-01", 2)) == ()
    assert macro.standing("DGS2", weekdays("2024-01-01", 0)) is None


def test_the_oldest_of_a_window_says_how_far_it_reaches():
    """Of two references each: none while there is one; then the one before, also after a revision."""
    days = [date(2024, 1, 1), date(2024, 2, 1), date(2024, 4, 1)]
    rows = {"series": ["X"] * 4, "reference_date": [*days, days[1]], "value": [1.0, 2.0, 4.0, 2.5]}
    known = [date(2024, 1, 5), date(2024, 2, 5), date(2024, 4, 5), date(2024, 4, 9)]
    revised = Macro(pl.DataFrame(rows | {"known_at": known})).tail("X", 2)
    plain = Macro(pl.DataFrame(rows | {"known_at": known})[:3]).tail("X", 2)
    assert plain.oldest.tolist() == [None, days[0], days[1]]
    assert revised.oldest.tolist() == [None, days[0], days[1], days[1]]
    assert revised.values[-1].tolist() == [2.5, 4.0]


def test_latest_values_since_a_day():
    days = [date(2024, 1, 1), date(2024, 1, 2), date(2024, 1, 3)]
    macro = Macro(
        pl.DataFrame({"series": ["X"] * 3, "reference_date": days, "known_at": days, "value": [1.0, 2.0, 3.0]})
    )
    found, values = macro.latest("X", days[1], since=days[1])
    assert (found.tolist(), values.tolist()) == ([days[1]], [2.0])


def test_the_order_of_rows_and_series_does_not_matter() -> None:
    days = [date(2024, 1, day) for day in range(1, 9)]
    rows = pl.DataFrame(
        {
            "series": ["DGS2", "ICSA"] * 4,
            "reference_date": days,
            "known_at": [date(2024, 2, day) for day in (8, 1, 7, 2, 6, 3, 5, 4)],
            "value": [float(i) for i in range(8)],
        }
    )
    for mixed in (rows, rows.reverse(), rows.sort("series"), rows.sort("value", descending=True)):
        for name in ("DGS2", "ICSA"):
            made, told = Macro(mixed).tail(name, 2), Macro(rows.sort("series", "known_at")).tail(name, 2)
            assert made is not None
            assert told is not None
            assert made.known.tolist() == told.known.tolist()
            np.testing.assert_array_equal(made.values, told.values)
