"""When each macro series became public, against days of publication that are on record."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.tseries.holiday import USFederalHolidayCalendar

from openapex.context.macro import Macro
from openapex.errors import BadInput, UnknownName
from openapex.sessions import sessions_between
from openapex.sources.federal_days import federal_holidays
from openapex.sources.files import FilesSource
from openapex.sources.fred_frames import published_frame, todays_frame
from openapex.sources.fred_parse import Point, Vintage
from openapex.sources.releases import KNOWN_SERIES, known_at, release

JOBS = ("PAYEMS", "UNRATE", "U6RATE", "AHETPI", "CIVPART")


def published(series: str, *reference: str) -> list[str]:
    """Return the days known, as text."""
    days = pl.Series([date.fromisoformat(day) for day in reference], dtype=pl.Date)
    return [str(day) for day in known_at(series, days)]


# The Employment Situation: archive of news releases of the Bureau of Labor Statistics
EMPLOYMENT_SITUATION = {
    "1995-12-01": "1996-01-19",  # shutdown and blizzard
    "2003-12-01": "2004-01-09",
    "2008-08-01": "2008-09-05",
    "2008-12-01": "2009-01-09",
    "2012-10-01": "2012-11-02",
    "2013-08-01": "2013-09-06",
    "2013-09-01": "2013-10-22",  # shutdown
    "2013-10-01": "2013-11-08",
    "2013-11-01": "2013-12-06",
    "2013-12-01": "2014-01-10",  # the third Friday was 3 January
    "2014-12-01": "2015-01-09",
    "2018-12-01": "2019-01-04",
    "2019-12-01": "2020-01-10",
    "2020-03-01": "2020-04-03",
    "2020-04-01": "2020-05-08",
    "2020-12-01": "2021-01-08",
    "2022-05-01": "2022-06-03",
    "2023-08-01": "2023-09-01",
    "2023-12-01": "2024-01-05",
    "2024-01-01": "2024-02-02",
    "2024-02-01": "2024-03-08",
    "2024-03-01": "2024-04-05",
    "2024-04-01": "2024-05-03",
    "2024-05-01": "2024-06-07",
    "2024-06-01": "2024-07-05",
    "2024-07-01": "2024-08-02",
    "2024-08-01": "2024-09-06",
    "2024-09-01": "2024-10-04",
    "2024-10-01": "2024-11-01",
    "2024-11-01": "2024-12-06",
    "2024-12-01": "2025-01-10",
    "2025-08-01": "2025-09-05",
    "2025-09-01": "2025-11-20",  # shutdown
    "2025-11-01": "2025-12-16",
    "2025-12-01": "2026-01-09",
    "2026-01-01": "2026-02-11",  # shutdown
}


@pytest.mark.parametrize("series", JOBS)
def test_the_employment_situation_is_known_on_the_day_it_was_published(series: str):
    assert published(series, *EMPLOYMENT_SITUATION) == list(EMPLOYMENT_SITUATION.values())


# (series, reference date, day of publication on record): the rule may be later, never earlier, and not by much
ON_RECORD = [
    ("CPIAUCSL", "2023-03-01", "2023-04-12", 20),  # failure scenario 26; BLS
    ("CPIAUCSL", "2015-01-01", "2015-02-26", 5),  # the latest regular day since 2000; BLS
    ("CPIAUCSL", "2013-09-01", "2013-10-30", 0),  # shutdown; BLS
    ("CFNAI", "2008-07-01", "2008-08-25", 5),  # Chicago Fed by Haver
    ("CFNAI", "2003-09-01", "2003-10-30", 5),  # Chicago Fed
    ("CFNAI", "2024-10-01", "2024-11-25", 5),  # FRED, last updated
    ("CFNAI", "2025-09-01", "2025-12-22", 0),  # shutdown; Chicago Fed by Econoday
    ("GDPC1", "2020-04-01", "2020-07-30", 5),  # BEA, advance estimate
    ("GDPC1", "2018-10-01", "2019-02-28", 0),  # shutdown; BEA
    ("ICSA", "2020-03-21", "2020-03-26", 0),  # 3.28 million; Department of Labor
    ("ICSA", "2025-10-04", "2025-11-20", 0),  # shutdown; Department of Labor
    ("DTWEXBGS", "2024-12-06", "2024-12-09", 2),  # H.10, Monday 16:15
    ("WALCL", "2024-12-11", "2024-12-12", 1),  # H.4.1, Thursday 16:30
    ("JTSJOL", "2024-10-01", "2024-12-03", 20),  # BLS
    ("INDPRO", "2024-11-01", "2024-12-17", 10),  # Federal Reserve, G.17
    ("RSXFS", "2018-12-01", "2019-02-14", 0),  # shutdown; Census Bureau
    ("HOUST", "2018-12-01", "2019-02-26", 0),  # shutdown; Census Bureau
    ("PCEPILFE", "2019-02-01", "2019-04-29", 0),  # shutdown; BEA
]


@pytest.mark.parametrize(("series", "reference", "day", "n_late"), ON_RECORD)
def test_a_value_is_never_known_before_its_publication(series: str, reference: str, day: str, n_late: int):
    known, actual = date.fromisoformat(published(series, reference)[0]), date.fromisoformat(day)
    assert actual <= known <= actual + timedelta(days=n_late)


def test_after_the_close_is_the_next_day():
    # H.10 of Monday 2024-12-09 and H.4.1 of Thursday 2024-12-12 came after 16:00
    assert published("DTWEXBGS", "2024-12-02", "2024-12-06") == ["2024-12-10", "2024-12-10"]
    assert published("WALCL", "2024-12-11") == ["2024-12-13"]
    # Columbus Day 2024-10-14: H.10 on Tuesday; Thanksgiving 2024-11-28: H.4.1 on Friday
    assert published("DTWEXBGS", "2024-10-09") == ["2024-10-16"]
    assert published("WALCL", "2024-11-27") == ["2024-12-02"]


@pytest.mark.parametrize("series", ["DGS2", "DGS10", "T10Y2Y", "BAMLH0A0HYM2", "VIXCLS"])
def test_market_series_are_known_on_the_next_weekday(series: str):
    # Thursday, Friday, and a month's end on a Sunday (bond indices have one)
    assert published(series, "2024-10-10", "2024-10-11", "2024-06-30") == ["2024-10-11", "2024-10-14", "2024-07-01"]


def test_the_policy_rate_is_known_when_it_holds_and_its_mean_after_the_month():
    assert published("DFEDTARU", "2024-09-19") == ["2024-09-19"]  # announced on 2024-09-18
    assert published("DFF", "2024-10-11", "2024-10-12", "2024-10-15") == ["2024-10-15", "2024-10-15", "2024-10-16"]
    assert published("FEDFUNDS", "2024-08-01", "2024-11-01") == ["2024-09-03", "2024-12-02"]


def test_breadth_is_known_at_the_close():
    assert published("S5TH", "2024-12-31") == ["2024-12-31"]


# NBER, Business Cycle Dating Committee: announcements
@pytest.mark.parametrize(
    ("reference", "known"),
    [
        ("2007-06-01", "2007-08-01"),
        ("2007-12-01", "2008-02-01"),  # the peak itself belongs to the expansion
        ("2008-01-01", "2008-12-01"),
        ("2008-09-01", "2008-12-01"),
        ("2009-06-01", "2009-08-01"),
        ("2009-07-01", "2010-09-20"),
        ("2010-08-01", "2010-10-01"),
        ("2020-03-01", "2020-06-08"),
        ("2020-04-01", "2020-06-08"),
        ("2020-05-01", "2021-07-19"),
        ("2024-11-01", "2025-01-01"),
    ],
)
def test_a_recession_is_known_when_the_nber_announced_it(reference: str, known: str):
    assert published("USREC", reference) == [known]


@pytest.mark.realdata
def test_scenario_26_an_unannounced_turn_shows_neither_in_the_value_nor_in_its_age(shared_data: Path):
    (answer,) = FilesSource(shared_data / "macro.parquet").fetch_series(["USREC"])
    macro = Macro(answer.macro)
    days = sessions_between(date(1990, 1, 2), date(2024, 12, 31))
    tail = macro.tail("USREC", 1)
    newest = tail.reference[np.searchsorted(tail.known, days, side="right") - 1]
    assert (days - newest).astype(int).max() <= 95
    told = macro.on("USREC", days)
    turned = days[1:][told[1:] != told[:-1]].astype(str).tolist()
    assert turned == [  # the NBER's announcements, and no other day
        "1991-04-25", "1992-12-22", "2001-11-26", "2003-07-17", "2008-12-01", "2010-09-20", "2020-06-08", "2021-07-19"
    ]  # fmt: skip
    asked = {"2008-10-10": 0, "2008-12-02": 1, "2009-12-01": 1, "2010-09-21": 0, "2003-05-15": 1, "2020-03-23": 0}
    assert {day: macro.on("USREC", np.array([day], dtype="datetime64[D]"))[0] for day in asked} == asked


@pytest.mark.realdata
def test_the_months_since_the_peak_become_a_recession_on_the_day_of_its_announcement(shared_data: Path):
    (answer,) = FilesSource(shared_data / "macro.parquet").fetch_series(["USREC"])
    since = pl.col("reference_date").is_between(date(2008, 1, 1), date(2008, 9, 1))
    rows = answer.macro.filter(since)
    assert rows.filter(value=1.0)["known_at"].unique().to_list() == [date(2008, 12, 1)]
    assert rows.filter(value=0.0)["known_at"].to_list() == [date(2008, month, 1) for month in range(3, 12)]
    before = answer.macro.filter(pl.col("reference_date") == date(2007, 12, 1))
    assert before.select("known_at", "value").rows() == [(date(2008, 2, 1), 0.0)]


def test_what_fred_shows_of_an_announced_recession_is_dated_by_its_announcement():
    months = [date(2008, 1, 1), date(2008, 2, 1)]
    shown = todays_frame(release("USREC"), [Point(month, 1.0) for month in months], date(2024, 1, 2))
    told = [
        (months[0], date(2008, 3, 1), 0.0), (months[0], date(2008, 12, 1), 1.0),
        (months[1], date(2008, 4, 1), 0.0), (months[1], date(2008, 12, 1), 1.0),
    ]  # fmt: skip
    assert shown.select("reference_date", "known_at", "value").rows() == told
    archive = [Vintage(month, date(2014, 1, 2), 1.0) for month in months]
    assert published_frame("USREC", release("USREC"), archive).select(shown.columns[1:4]).rows() == told


@pytest.mark.realdata
def test_recession_phases_begin_where_the_data_change(shared_data: Path):
    rows = pl.read_parquet(shared_data / "macro.parquet").filter(pl.col("series") == "USREC").sort("date")
    changes = rows.filter(pl.col("value").diff() != 0)["date"].to_list()
    begins = [(month.replace(day=28) + timedelta(days=5)).replace(day=1) for month, _ in release("USREC").turns]
    assert changes == begins


@pytest.mark.realdata
def test_every_series_of_the_shared_data_but_one_has_a_release_lag(shared_data: Path):
    held = {
        series: cadence
        for name in ("macro.parquet", "market_breadth.parquet")
        for series, cadence in pl.read_parquet(shared_data / name)
        .sort("date")
        .group_by("series")
        .agg(pl.col("date").diff().dt.total_days().median())
        .rows()
    }
    assert set(held) - set(KNOWN_SERIES) == {"OILPRICE"}  # discontinued; its publisher's schedule is not known
    gaps = {"daily": (1, 1), "weekly": (7, 7), "monthly": (28, 31), "quarterly": (89, 92)}
    for series in set(held) & set(KNOWN_SERIES):
        low, high = gaps[release(series).cadence]
        assert low <= held[series] <= high, series


@given(st.sampled_from(KNOWN_SERIES), st.dates(date(1980, 1, 1), date(2060, 1, 1)))
def test_no_value_is_known_before_its_reference_date_nor_a_year_after(series: str, reference: date):
    month = reference.replace(day=1)
    day = reference if release(series).cadence in ("daily", "weekly") else month
    (known,) = known_at(series, pl.Series([day]))
    assert day <= known <= day + timedelta(days=650 if series == "USREC" else 130)


@given(st.sampled_from(KNOWN_SERIES), st.dates(date(1980, 1, 1), date(2060, 1, 1)), st.integers(1, 40))
def test_a_later_value_is_never_known_earlier(series: str, reference: date, n_days: int):
    days = pl.Series([reference, reference + timedelta(days=n_days)])
    if series == "USREC" or any(day in dict(release(series).exceptions) for day in days):
        return
    first, second = known_at(series, days)
    assert first <= second


def test_a_column_is_answered_row_by_row():
    days = [date(2019, 1, 1) + timedelta(days=n) for n in range(2500)]
    for series in KNOWN_SERIES:
        whole = known_at(series, pl.Series(days))
        assert whole.dtype == pl.Date
        assert whole.to_list()[::97] == [known_at(series, pl.Series([day])).item() for day in days[::97]]
    assert known_at("DGS2", pl.Series([], dtype=pl.Date)).to_list() == []


def test_a_series_without_a_known_lag_is_named_with_the_nearest():
    with pytest.raises(UnknownName, match=r"is 'DGS22', must be one of: .* Did you mean 'DGS2'\?"):
        known_at("DGS22", pl.Series([date(2024, 1, 2)]))


def test_reference_dates_must_be_dates():
    with pytest.raises(BadInput, match="reference of DGS2 is of type String, must be Date"):
        known_at("DGS2", pl.Series(["2024-01-02"]))
    with pytest.raises(BadInput, match="reference of DGS2 is null in 1 rows"):
        known_at("DGS2", pl.Series([date(2024, 1, 2), None]))


def test_every_release_says_when_and_who():
    for series in KNOWN_SERIES:
        one = release(series)
        assert one.series == series
        assert one.title
        assert one.sentence
        assert ":" in one.source, "publisher and document, then the schedule"
        assert "://" not in one.source


def test_the_docs_show_every_release():
    from docs.tables import MACRO_PAGE, with_releases

    page = MACRO_PAGE.read_text("utf-8")
    assert page == with_releases(page), "run: python -m docs.tables"
    assert all(f"| `{series}` |" in page for series in KNOWN_SERIES)


def test_federal_holidays_are_those_of_pandas():
    # pandas' calendar, written from the same law; it has King's day from 1986 and Juneteenth from 2021 too
    theirs = USFederalHolidayCalendar().holidays("1990-01-01", "2040-12-31").to_numpy().astype("datetime64[D]")
    ours = [day for day in federal_holidays().tolist() if 1990 <= day.year <= 2040]
    assert ours == sorted(set(theirs.tolist()))
