"""What FRED's answers become: values, missing values, and the day each was known, with and without vintages."""

from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from fred_server import KEY, FredServer, fred_fixture, source  # noqa: F401  (the fixture `fred`)
from yahoo_server import Fault

from openapex.errors import BadInput, UnknownSymbol
from openapex.sources import fred as fred_module
from openapex.sources.fred import FredSource, real_time_spans
from openapex.sources.source import Delivery, Failure, NoNewData

NOW = datetime(2024, 12, 6, 20, 0, tzinfo=UTC)  # 15:00 in New York, before the close


def macro(
    fred: FredServer, series: str, *, start: date | None = None, end: date | None = None, **given
) -> pl.DataFrame:
    """Fetch one series and return its macro rows."""
    (answer,) = source(fred, given.pop("now", NOW), **given).fetch([series], start=start, end=end)
    assert isinstance(answer, Delivery), answer
    return answer.macro


def rows(frame: pl.DataFrame) -> list[tuple[str, str, float | None, bool]]:
    """Return (reference, known, value, as published)."""
    columns = frame.select("reference_date", "known_at", "value", "as_published")
    return [(str(reference), str(known), value, published) for reference, known, value, published in columns.rows()]


def unemployment(fred: FredServer) -> None:
    """UNRATE of 2023: August was published as 3.8 on 2023-09-01 and revised to 3.7 on 2024-01-05 (BLS)."""
    fred.publish("UNRATE", ("2023-07-01", "2023-08-04", "3.5"), ("2023-08-01", "2023-09-01", "3.8"))
    fred.publish("UNRATE", ("2023-09-01", "2023-10-06", "3.8"), ("2023-08-01", "2024-01-05", "3.7"))


def test_scenario_24_a_missing_value_is_null_and_never_a_number_or_text(fred: FredServer):
    """Failure scenario 24: FRED writes `.` on a holiday."""
    fred.publish("DGS2", ("2024-11-27", "2024-11-29", "4.19"), ("2024-11-28", "2024-11-29", "."))
    fred.publish(
        "DGS2",
        ("2024-11-29", "2024-12-02", "ND"),
        ("2024-12-02", "2024-12-03", ""),
        ("2024-12-03", "2024-12-04", "4.17"),
    )
    found = macro(fred, "DGS2")
    assert found["value"].to_list() == [4.19, None, None, None, 4.17]
    assert found["value"].dtype == pl.Float64
    assert found["known_at"].to_list() == [
        date(2024, 11, 28),
        date(2024, 11, 29),
        date(2024, 12, 2),
        date(2024, 12, 3),
        date(2024, 12, 4),
    ]
    assert found["as_published"].all()


def test_scenario_24_an_empty_series_is_no_new_data(fred: FredServer):
    fred.series["DGS2"] = []
    (answer,) = source(fred, NOW).fetch(["DGS2"])
    assert isinstance(answer, NoNewData)
    assert "holds 0 values" in answer.reason


@pytest.mark.parametrize("header", ["observation_date", "DATE"])
def test_the_header_of_today_and_the_former_one_are_read(fred: FredServer, header: str):
    fred.header = header
    fred.publish("VIXCLS", ("2024-12-05", "2024-12-06", "13.54"))
    assert rows(macro(fred, "VIXCLS")) == [("2024-12-05", "2024-12-06", 13.54, True)]


def test_without_a_key_a_revised_series_is_marked_and_a_warning_says_how_to_get_it(fred: FredServer):
    unemployment(fred)
    (answer,) = source(fred, NOW).fetch(["UNRATE"])
    assert isinstance(answer, Delivery)
    assert rows(answer.macro)[1] == ("2023-08-01", "2023-09-01", 3.7, False)
    assert answer.warnings == ("UNRATE: today's values, perhaps revised since; FRED_API_KEY gets them as published",)
    assert (answer.basis, answer.simulated, answer.source, answer.bars.height) == ("split_adjusted", False, "fred", 0)


def test_scenario_25_a_back_test_sees_what_was_published_then(fred: FredServer):
    """Failure scenario 25: on 2023-10-01 unemployment of August was 3.8; the 3.7 came in January."""
    unemployment(fred)
    found = macro(fred, "UNRATE", api_key=KEY)
    assert rows(found)[1:3] == [("2023-08-01", "2023-09-01", 3.8, True), ("2023-08-01", "2024-01-05", 3.7, True)]
    then = macro(fred, "UNRATE", api_key=KEY, end=date(2023, 10, 1))
    assert rows(then)[-1] == ("2023-08-01", "2023-09-01", 3.8, True)


def test_scenario_25_an_ignored_real_time_period_is_an_error_and_never_data(fred: FredServer):
    unemployment(fred)
    fred.ignores_period = True
    (answer,) = source(fred, NOW, api_key=KEY, retries=0).fetch(["UNRATE"])
    assert isinstance(answer, Failure)
    assert "UNRATE: FRED's answer has realtime_start '2024-12-06', must be '1776-07-04' as asked" in str(answer.error)


def test_scenario_25_an_observation_of_another_period_is_an_error(fred: FredServer, monkeypatch: pytest.MonkeyPatch):
    unemployment(fred)
    proper = FredServer.answer

    def shifted(self: FredServer, request) -> Fault:
        fault = proper(self, request)
        return Fault(200, fault.body.replace('"realtime_end": "9999-12-31", "date"', '"realtime_end": "10", "date"'))

    monkeypatch.setattr(FredServer, "answer", shifted)
    (answer,) = source(fred, NOW, api_key=KEY, retries=0).fetch(["UNRATE"])
    assert isinstance(answer, Failure)
    assert 'realtime_end is "10", must be a date' in str(answer.error)
    monkeypatch.setattr(fred_module, "LAST_DAY", date(2023, 12, 31))
    monkeypatch.setattr(
        FredServer,
        "answer",
        lambda self, request: Fault(200, proper(self, request).body.replace("2023-08-04", "2024-08-04")),
    )
    (answer,) = source(fred, NOW, api_key=KEY, retries=0).fetch(["UNRATE"])
    assert isinstance(answer, Failure)
    assert "is of the period 2024-08-04 to 2023-12-31, must be within the asked one" in str(answer.error)


@pytest.mark.parametrize("key", [None, KEY])
def test_scenario_26_a_value_is_not_visible_before_its_publication(fred: FredServer, key: str | None):
    """Failure scenario 26: consumer prices of March 2023 were published on 2023-04-12."""
    fred.publish("CPIAUCSL", ("2023-02-01", "2023-03-14", "301.648"), ("2023-03-01", "2023-04-12", "301.808"))
    then = macro(fred, "CPIAUCSL", api_key=key, end=date(2023, 3, 31))
    assert then["reference_date"].to_list() == [date(2023, 2, 1)]
    whole = macro(fred, "CPIAUCSL", api_key=key)
    assert whole["known_at"][-1] >= date(2023, 4, 12)


def test_what_fred_shows_today_is_known_today_even_if_the_rule_says_later(fred: FredServer):
    # Prices of November 2024 were published on 2024-12-11; the conservative rule says 12-30
    fred.publish("CPIAUCSL", ("2024-10-01", "2024-11-13", "315.454"), ("2024-11-01", "2024-12-11", "316.441"))
    for now, known in ((NOW, "2024-12-06"), (datetime(2024, 12, 6, 21, 0, tzinfo=UTC), "2024-12-07")):
        found = rows(macro(fred, "CPIAUCSL", now=now))
        assert [row[1] for row in found] == ["2024-11-29", known], "seen after the close counts from the next day's"


def test_values_older_than_freds_archive_are_known_by_the_release_lag(fred: FredServer):
    archive = "2009-07-03"
    fred.publish(
        "UNRATE", ("2009-04-01", archive, "8.9"), ("2009-05-01", archive, "9.4"), ("2009-06-01", archive, "9.5")
    )
    fred.publish("UNRATE", ("2009-05-01", "2009-08-07", "9.3"))
    assert rows(macro(fred, "UNRATE", api_key=KEY)) == [
        ("2009-04-01", "2009-05-08", 8.9, False),
        ("2009-05-01", "2009-06-05", 9.4, False),
        ("2009-05-01", "2009-08-07", 9.3, True),
        ("2009-06-01", archive, 9.5, True),  # new on the archive's first day
    ]


def test_a_vintage_of_a_report_after_the_close_counts_from_the_next_weekday(fred: FredServer):
    # H.10 of Monday 2024-11-25 and Monday 2024-12-02, 16:15
    fred.publish(
        "DTWEXBGS",
        ("2024-11-15", "2024-11-18", "127.6"),
        ("2024-11-22", "2024-11-25", "127.9"),
        ("2024-11-29", "2024-12-02", "127.4"),
    )
    assert [row[1] for row in rows(macro(fred, "DTWEXBGS", api_key=KEY))] == ["2024-11-19", "2024-11-26", "2024-12-03"]


def test_a_series_without_a_known_lag_needs_its_vintages(fred: FredServer):
    fred.publish("PERMIT", ("2024-08-01", "2024-09-18", "1475"), ("2024-09-01", "2024-10-18", "1428"))
    (answer,) = source(fred, NOW).fetch(["PERMIT"])
    assert isinstance(answer, Failure)
    assert isinstance(answer.error, BadInput)
    assert "series is 'PERMIT', must be one with a known release lag" in str(answer.error)
    assert "FRED_API_KEY must be set" in str(answer.error)
    # the hour is not known either, so it may have been after the close
    assert rows(macro(fred, "PERMIT", api_key=KEY)) == [
        ("2024-08-01", "2024-09-19", 1475.0, False),
        ("2024-09-01", "2024-10-21", 1428.0, True),
    ]


def test_a_series_that_is_never_revised_needs_no_vintages(fred: FredServer):
    fred.publish("DGS2", ("2024-12-04", "2024-12-05", "4.13"))
    assert rows(macro(fred, "DGS2", api_key=KEY)) == [("2024-12-04", "2024-12-05", 4.13, True)]
    assert [request.path for request in fred.log] == ["/graph/fredgraph.csv"]


def test_where_fred_may_not_show_vintages_the_release_lag_is_used(fred: FredServer):
    unemployment(fred)
    fred.without_vintages.add("UNRATE")
    assert rows(macro(fred, "UNRATE", api_key=KEY))[1] == ("2023-08-01", "2023-09-01", 3.7, False)


def test_vintages_come_page_by_page(fred: FredServer, monkeypatch: pytest.MonkeyPatch):
    unemployment(fred)
    whole = macro(fred, "UNRATE", api_key=KEY)
    monkeypatch.setattr(fred_module, "PAGE_ROWS", 3)
    n_asked = len(fred.log)
    assert macro(fred, "UNRATE", api_key=KEY).equals(whole)
    assert [request.params["offset"] for request in fred.log[n_asked:]] == ["0", "3"]


def test_more_vintages_than_fred_gives_at_once_are_asked_for_in_spans(fred: FredServer):
    """FRED refuses more than 2,000 vintages, and cuts the real-time periods at the edges of each span."""
    fred.publish("ICSA", ("2009-12-26", "2009-12-31", "432000"), ("2010-01-02", "2010-01-07", "434000"))
    fred.publish("ICSA", ("2009-12-26", "2010-01-07", "433000"), ("2009-12-26", "2021-04-01", "480000"))
    fred.publish("ICSA", ("2010-01-02", "2010-01-14", "433000"), ("2021-03-20", "2021-03-25", "684000"))
    whole = macro(fred, "ICSA", api_key=KEY)
    fred.max_vintages, n_asked = 3, len(fred.log)
    assert macro(fred, "ICSA", api_key=KEY).equals(whole)
    assert len(fred.log) - n_asked == 1 + len(real_time_spans(NOW.year)), "the whole once, then each span once"
    assert rows(whole)[:3] == [
        ("2009-12-26", "2009-12-31", 432000.0, True),
        ("2009-12-26", "2010-01-07", 433000.0, True),
        ("2009-12-26", "2021-04-01", 480000.0, True),
    ]


def test_spans_cover_every_day_once_and_stay_below_the_limit():
    spans = real_time_spans(2026)
    assert all((after - last).days == 1 for (_, last), (after, _) in pairwise(spans))
    assert all((last - first).days < 2000 for first, last in spans[1:-1])
    assert (date(2026, 12, 31) - spans[-1][0]).days < 2000


def test_the_listed_series_are_those_with_a_lag_that_fred_has():
    listed = FredSource("http://127.0.0.1:1").symbols()
    assert list(listed) == sorted(listed)
    assert {"DGS2", "DFF", "DFEDTARU", "UNRATE", "USREC"} <= set(listed)
    assert not {"S5TH", "ADV"} & set(listed)


@pytest.mark.parametrize("name", ["S5TH", "^RUT", "dgs2", "../x", "A,B", ""])
def test_a_name_that_fred_cannot_have_is_unknown_without_asking(fred: FredServer, name: str):
    (answer,) = source(fred, NOW).fetch([name])
    assert isinstance(answer, Failure)
    assert isinstance(answer.error, UnknownSymbol)
    assert repr(name) in str(answer.error)
    assert fred.log == []


def test_a_span_that_has_not_come_is_not_asked_for(fred: FredServer):
    (answer,) = source(fred, NOW).fetch(["DGS2"], start=date(2024, 12, 9))
    assert isinstance(answer, NoNewData)
    assert fred.log == []


def test_the_high_yield_spread_says_that_fred_keeps_three_years(fred: FredServer):
    fred.publish("BAMLH0A0HYM2", ("2024-12-04", "2024-12-05", "2.62"))
    (answer,) = source(fred, NOW).fetch(["BAMLH0A0HYM2"])
    assert isinstance(answer, Delivery)
    assert answer.warnings == ("BAMLH0A0HYM2: FRED serves only the last three years",)


@pytest.mark.parametrize("given", [{"retries": -1}, {"requests_per_second": 0.0}, {"deadline_s": 0.0}])
def test_numbers_must_obey_their_rules(given: dict[str, float]):
    with pytest.raises(BadInput, match=f"{next(iter(given))} is "):
        FredSource("http://127.0.0.1:1", **given)


def test_the_environment_may_name_the_server(fred: FredServer, monkeypatch: pytest.MonkeyPatch):
    fred.publish("DGS2", ("2024-12-04", "2024-12-05", "4.13"))
    monkeypatch.setenv("APEX_FRED_URL", fred.url)
    (answer,) = FredSource().fetch(["DGS2"])
    assert isinstance(answer, Delivery)


@pytest.mark.realdata
def test_a_recorded_answer_of_fred_is_read_whole(fred: FredServer, shared_data: Path):
    text = (shared_data / "wire_samples" / "fredgraph_WTISPLC_raw.csv").read_text("utf-8")
    fred.faults = lambda request: Fault(200, text) if request.path.endswith(".csv") else None
    (answer,) = source(fred, NOW).fetch(["WTISPLC"])
    assert isinstance(answer, Failure)
    assert "known release lag" in str(answer.error), "read, but nobody knows when it was published"
    as_dgs2 = text.replace("WTISPLC", "DCOILWTICO", 1)
    fred.faults = lambda request: Fault(200, as_dgs2)
    found = macro(fred, "DCOILWTICO", now=datetime(2026, 3, 1, tzinfo=UTC))
    assert found.height == text.count("\n") - 1 == 962
    assert (found["reference_date"][0], found["value"][0]) == (date(1946, 1, 1), 1.17)
    assert (found["reference_date"][-1], found["value"][-1]) == (date(2026, 2, 1), 64.51)


def test_a_value_about_a_day_to_come_counts_from_that_day(fred: FredServer):
    # the target range of a decision of 2024-12-05 would hold from Monday on
    fred.publish("DFEDTARU", ("2024-12-06", "2024-12-05", "4.75"), ("2024-12-09", "2024-12-05", "4.50"))
    assert [row[1] for row in rows(macro(fred, "DFEDTARU"))] == ["2024-12-06", "2024-12-09"]


def test_of_two_vintages_that_count_from_one_day_the_later_is_kept(fred: FredServer):
    # published on Friday and corrected on Saturday, at unknown hours: both count from Monday 2024-12-02
    fred.publish("PERMIT", ("2024-09-01", "2024-10-18", "1428"), ("2024-10-01", "2024-11-29", "1416"))
    fred.publish("PERMIT", ("2024-10-01", "2024-11-30", "1419"))
    assert rows(macro(fred, "PERMIT", api_key=KEY))[1:] == [("2024-10-01", "2024-12-02", 1419.0, True)]


def test_a_projection_counts_from_the_day_it_is_about(fred: FredServer):
    fred.publish("GDPPOT", ("2024-07-01", "2024-06-18", "23000"), ("2024-10-01", "2024-06-18", "23100"))
    fred.publish("GDPPOT", ("2034-10-01", "2024-06-18", "28000"))
    found = rows(macro(fred, "GDPPOT", api_key=KEY, end=date(2024, 8, 1)))
    assert [row[:3] for row in found] == [("2024-07-01", "2024-07-01", 23000.0)]
