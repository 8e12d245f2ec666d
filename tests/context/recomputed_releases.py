"""When a macro value became public, by the rules written in releases.toml; nothing of `openapex` is imported."""

import pandas as pd
from pandas.tseries.holiday import USFederalHolidayCalendar

LATE = {"1995-12-01": "1996-01-19", "2013-09-01": "2013-10-22", "2013-10-01": "2013-11-08"}  # employment reports
TURNS = [
    "1980-01-01",
    "1980-06-03",
    "1980-07-01",
    "1981-07-08",
    "1981-07-01",
    "1982-01-06",
    "1982-11-01",
    "1983-07-08",
    "1990-07-01",
    "1991-04-25",
    "1991-03-01",
    "1992-12-22",
    "2001-03-01",
    "2001-11-26",
    "2001-11-01",
    "2003-07-17",
    "2007-12-01",
    "2008-12-01",
    "2009-06-01",
    "2010-09-20",
    "2020-02-01",
    "2020-06-08",
    "2020-04-01",
    "2021-07-19",
]
HOLIDAYS = set(USFederalHolidayCalendar().holidays("1980-01-01", "2026-12-31"))
DAY = pd.Timedelta(days=1)


def _first(day: pd.Timestamp, holidays: set = frozenset()) -> pd.Timestamp:
    """Return the first weekday that is no holiday, from `day` on."""
    while day.weekday() > 4 or day in holidays:
        day += DAY
    return day


def _of_a_later_month(reference: pd.Timestamp, lag: int, day: int) -> pd.Timestamp:
    return _first(reference.replace(day=1) + pd.DateOffset(months=lag) + (day - 1) * DAY, HOLIDAYS)


def _jobs(reference: pd.Timestamp) -> pd.Timestamp:
    """Return the third Friday after the week (Sunday to Saturday) with the 12th of the month."""
    if str(reference.date()) in LATE:
        return pd.Timestamp(LATE[str(reference.date())])
    saturday = reference.replace(day=12)
    while saturday.weekday() != 5:
        saturday += DAY
    friday = saturday + 20 * DAY
    return friday + 7 * DAY if friday.month == 1 and friday.day <= 3 else friday


def _recession(reference: pd.Timestamp) -> pd.Timestamp:
    """Return the announcement of the phase `reference` lies in, at least the 1st of the month after next."""
    announced = pd.Timestamp("1900-01-01")
    for turn, day in zip(TURNS[::2], TURNS[1::2], strict=True):
        if pd.Timestamp(turn) < reference:
            announced = pd.Timestamp(day)
    return max(announced, reference + pd.DateOffset(months=2))


def recession_rows(months: pd.DatetimeIndex, values) -> list:
    """Return (month, day, value) as the NBER's word stood: a month's phase changes on the day its turn is announced."""
    turns = [(pd.Timestamp(turn), pd.Timestamp(day)) for turn, day in zip(TURNS[::2], TURNS[1::2], strict=True)]
    rows = []
    for month, value in zip(months, values, strict=True):
        first = month + pd.DateOffset(months=2)
        told = 0.0
        for n, (turn, day) in enumerate(turns):
            if turn < month and day <= first:
                told = float(n % 2 == 0)
        later = [(day, float(n % 2 == 0)) for n, (turn, day) in enumerate(turns) if turn < month and day > first]
        steps = [(first, told), *later]
        rows += [(month, day, told) for day, told in steps[:-1]] + [(month, steps[-1][0], value)]
    return rows


def known_on(series: str, reference: pd.Timestamp) -> pd.Timestamp:
    """Return the first day at whose close the value was certainly public."""
    if series in ("DGS2", "DGS10", "T10Y2Y", "BAMLH0A0HYM2", "VIXCLS"):
        return _first(reference + DAY)
    if series == "ICSA":
        return _first(reference + 5 * DAY)
    if series in ("PAYEMS", "UNRATE"):
        return _jobs(reference)
    if series == "USREC":
        return _recession(reference)
    if series in ("DFEDTARU", "DFEDTAR", "S5TH", "MMTH", "ADV", "DECL", "MAHN", "MALN"):
        return reference
    if series == "DFF":
        return _first(reference + DAY, HOLIDAYS)
    if series == "DTWEXBGS":  # the second business day of the next week
        monday = reference + (7 - reference.weekday()) * DAY
        return _first(_first(monday, HOLIDAYS) + DAY, HOLIDAYS)
    if series == "FEDFUNDS":
        return _of_a_later_month(reference, 1, 1)
    if reference == pd.Timestamp("2013-09-01"):  # CFNAI in the shutdown
        return pd.Timestamp("2013-11-25")
    return _of_a_later_month(reference, 1, 28) if reference.year >= 2005 else _of_a_later_month(reference, 2, 1)
