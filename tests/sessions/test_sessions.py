"""Facts of the exchange days: against exchange_calendars, the published NYSE closings and a real index history."""

import subprocess
import sys
import warnings
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openapex.errors import BadInput, UnknownName
from openapex.sessions import (
    SUFFIXES,
    ZONES,
    calendar_of,
    close_times,
    is_planned_between,
    is_session,
    is_settled,
    known_span,
    last_closed_session,
    session_of,
    sessions_between,
)

FIRST, LAST = known_span("XNYS")


@pytest.fixture(scope="module")
def library():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import exchange_calendars

        return exchange_calendars.get_calendar("XNYS", start=FIRST.isoformat(), end=LAST.isoformat())


def test_the_table_equals_exchange_calendars_on_every_session_and_close(library):
    ours = sessions_between(FIRST, LAST)
    theirs = library.sessions.to_numpy().astype("datetime64[D]")
    assert len(theirs) > 17_000
    np.testing.assert_array_equal(ours, theirs)
    closes = library.closes.dt.tz_localize(None).to_numpy().astype("datetime64[us]")
    np.testing.assert_array_equal(close_times(ours), closes)
    assert len(library.early_closes) > 100


@pytest.mark.realdata
def test_sessions_are_the_days_on_which_the_sp500_was_quoted(shared_data: Path):
    frame = pl.scan_parquet(shared_data / "index_daily.parquet").filter(pl.col("symbol") == "^SPX").collect()
    quoted = np.sort(frame["date"].to_numpy().astype("datetime64[D]"))
    quoted = quoted[quoted >= np.datetime64(FIRST)]
    assert len(quoted) > 13_800
    np.testing.assert_array_equal(quoted, sessions_between(FIRST, quoted[-1].item()))


@pytest.mark.parametrize(
    "day",
    # the NYSE's own list of special closings
    ["1977-07-14", "1985-09-27", "1994-04-27", "2001-09-11", "2001-09-14", "2004-06-11", "2007-01-02", "2012-10-29",
     "2018-12-05", "2025-01-09"],
)  # fmt: skip
def test_unscheduled_closures_are_known(day):
    assert not is_session(date.fromisoformat(day))


def test_only_closures_against_the_rules_count_as_planned_sessions(library):
    days = np.arange(np.datetime64(FIRST), np.datetime64(LAST) + 1).tolist()
    differ = [day for day in days if is_planned_between(day, day) != is_session(day)]
    adhoc = sorted(stamp.date() for stamp in library.adhoc_holidays)
    assert differ == [day for day in adhoc if day >= FIRST]
    assert len(differ) == 15
    assert is_planned_between(date(2001, 9, 11), date(2001, 9, 16))
    assert not is_planned_between(date(2024, 3, 29), date(2024, 3, 31))  # Good Friday


def test_another_exchanges_unplanned_closures_are_asked_for():
    # Tokyo, 2019-10-22: the enthronement, by a law for that year alone
    day = date(2019, 10, 22)
    assert (is_session(day, "XTKS"), is_planned_between(day, day, "XTKS")) == (False, True)
    assert not is_planned_between(date(2024, 5, 3), date(2024, 5, 5), "XTKS")


def test_scenario_05_a_span_of_holidays_or_closures_holds_no_session():
    assert len(sessions_between(date(2026, 5, 25), date(2026, 5, 25))) == 0  # Memorial Day
    assert len(sessions_between(date(2025, 1, 9), date(2025, 1, 9))) == 0  # day of mourning for Jimmy Carter
    assert len(sessions_between(date(2026, 5, 23), date(2026, 5, 25))) == 0


@pytest.mark.parametrize(
    ("session", "close"),
    [
        ("2025-03-07", "2025-03-07T21:00"),  # the Friday before New York's clocks went forward
        ("2025-03-10", "2025-03-10T20:00"),
        ("2024-11-29", "2024-11-29T18:00"),  # the day after Thanksgiving closes at 13:00
        ("2024-07-03", "2024-07-03T17:00"),
    ],
)
def test_closes_follow_daylight_saving_and_half_days(session, close):
    assert close_times(np.array([session], dtype="datetime64[D]"))[0] == np.datetime64(close)


def test_scenario_19_nights_of_clock_changes_give_the_right_date():
    new_york = datetime(2025, 3, 9, 2, 18, tzinfo=ZoneInfo("America/Los_Angeles"))  # 02:18 does not exist there
    assert session_of(new_york) == date(2025, 3, 9)
    assert last_closed_session(new_york) == date(2025, 3, 7)
    tel_aviv_midnight = datetime(2002, 10, 7, 0, 0, tzinfo=ZoneInfo("Asia/Tel_Aviv"))  # happened twice
    for fold in (0, 1):
        assert session_of(tel_aviv_midnight.replace(fold=fold)) == date(2002, 10, 6)
    sao_paulo_midnight = datetime(2004, 11, 2, 0, 0, tzinfo=ZoneInfo("America/Sao_Paulo"))  # did not happen
    assert session_of(sao_paulo_midnight, "BVMF") in (date(2004, 11, 1), date(2004, 11, 2))
    assert session_of(datetime(2004, 11, 2, 14, 0, tzinfo=UTC), "BVMF") == date(2004, 11, 2)


def test_a_session_is_closed_only_after_it_has_settled():
    afternoon = datetime(2024, 12, 30, 21, 30, tzinfo=UTC)  # half an hour after the close
    assert last_closed_session(afternoon) == date(2024, 12, 27)
    assert last_closed_session(afternoon, settle_minutes=0) == date(2024, 12, 30)
    assert not is_settled(date(2024, 12, 30), afternoon)
    assert is_settled(date(2024, 12, 30), afternoon + timedelta(hours=4))
    assert not is_settled(date(2024, 12, 31), afternoon)
    assert is_settled(date(2024, 12, 28), afternoon)  # a Saturday that has passed
    assert not is_settled(date(2025, 1, 4), afternoon)


@given(st.datetimes(datetime(1971, 1, 1), datetime(2040, 12, 1)), st.integers(0, 1000))
def test_the_last_closed_session_is_settled_and_the_next_is_not(moment, settle_minutes):
    now = moment.replace(tzinfo=UTC)
    last = last_closed_session(now, settle_minutes=settle_minutes)
    following = sessions_between(last, last + timedelta(days=10))[1].item()
    assert is_settled(last, now, settle_minutes=settle_minutes)
    assert not is_settled(following, now, settle_minutes=settle_minutes)


def test_other_calendars_come_from_the_library():
    assert not is_session(date(2024, 10, 1), "XHKG")  # National Day
    assert is_session(date(2024, 7, 4), "XLON")
    close = close_times(np.array(["2024-07-04"], dtype="datetime64[D]"), "XLON")[0]
    assert close == np.datetime64("2024-07-04T15:30")


@pytest.mark.parametrize("calendar", sorted(set(SUFFIXES.values()) - {"XNYS"}))
@pytest.mark.slow
def test_every_offered_calendar_answers(calendar):
    first, last = known_span(calendar)
    assert first < date(2000, 1, 1)
    assert last >= date(2026, 12, 31)
    assert 200 < len(sessions_between(date(2023, 1, 1), date(2023, 12, 31), calendar)) < 262


def test_days_outside_the_known_rules_and_unknown_calendars_are_refused():
    with pytest.raises(BadInput, match="day is 1969-12-31, must be from 1970-01-01"):
        is_session(date(1969, 12, 31))
    with pytest.raises(UnknownName, match="XNYS"):
        is_session(date(2020, 1, 2), "XNYC")
    with pytest.raises(BadInput, match="must be a day on which XNYS trades"):
        close_times(np.array(["2026-05-25"], dtype="datetime64[D]"))
    with pytest.raises(BadInput, match="time zone"):
        last_closed_session(datetime(2024, 1, 2))


@pytest.mark.parametrize(
    ("symbol", "calendar"),
    [
        ("IWM", "XNYS"), ("BRK.B", "XNYS"), ("BF-B", "XNYS"), ("^RUT", "XNYS"), ("^VIX", None), ("0700.HK", "XHKG"),
        ("AET.L", "XLON"), ("M&M.NS", "XBOM"), ("SHOP.TO", "XTSE"), ("SAP.DE", "XETR"), ("MC.PA", "XPAR"),
        ("7203.T", "XTKS"), ("BTC-USD", None), ("EURUSD=X", None), ("ES=F", None), ("FOO.ZZ", None), ("NA", "XNYS"),
    ],
)  # fmt: skip
def test_the_suffix_names_the_calendar(symbol, calendar):
    assert calendar_of(symbol) == calendar
    assert calendar is None or calendar in ZONES


def test_the_common_path_does_not_import_exchange_calendars():
    code = (
        "import sys, datetime as d, openapex.sessions as s;"
        "s.sessions_between(d.date(1993,1,1), d.date(2024,12,31));"
        "s.last_closed_session(d.datetime(2024,12,31,tzinfo=d.UTC));"
        "sys.exit('exchange_calendars' in sys.modules or 'pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
