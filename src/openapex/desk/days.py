"""Dates as users write them."""

from datetime import date, datetime

from openapex.errors import BadInput


def day(value: "date | str | None", name: str = "as_of") -> date | None:
    """Return a date from a date or ISO text; None stays None.

    Raises
    ------
    BadInput
        If it is no date.
    """
    if isinstance(value, datetime):
        return value.date()
    if value is None or isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise BadInput(f"{name} is {value!r}, must be a date like 2024-12-31") from None
