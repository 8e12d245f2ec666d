"""Write `src/openapex/sessions_xnys.csv`, the facts of the NYSE calendar, from exchange_calendars.

One line per exception: a weekday without a session by the exchange's yearly rules (``closed``) or against them
(``unscheduled``: mourning, storm, attack), or with an early close (its local time).  Run it after an upgrade
of exchange_calendars whose facts changed; `tests/sessions` compares the file with the library.
Usage: ``python tools/session_table.py > src/openapex/sessions_xnys.csv``
"""

import sys
from datetime import date, timedelta

import exchange_calendars

FIRST, LAST = date(1970, 1, 1), date(2040, 12, 31)


def rows() -> list[tuple[date, str]]:
    """Return (day, fact) for every weekday that is not a plain 16:00 session."""
    calendar = exchange_calendars.get_calendar("XNYS", start=FIRST.isoformat(), end=LAST.isoformat())
    closes = calendar.closes.dt.tz_convert("America/New_York")
    times = {stamp.date(): close.strftime("%H:%M") for stamp, close in closes.items()}
    unscheduled = {stamp.date() for stamp in calendar.adhoc_holidays}
    days = (FIRST + timedelta(days=i) for i in range((LAST - FIRST).days + 1))
    closed = {day: "unscheduled" if day in unscheduled else "closed" for day in days if day.weekday() < 5}
    facts = ((day, times.get(day, fact)) for day, fact in closed.items())
    return [(day, fact) for day, fact in facts if fact != "16:00"]


def main() -> None:
    """Write the table to stdout."""
    sys.stdout.write(f"# XNYS {FIRST} {LAST} from exchange_calendars {exchange_calendars.__version__}\n")
    sys.stdout.writelines(f"{day},{fact}\n" for day, fact in rows())


if __name__ == "__main__":
    main()
