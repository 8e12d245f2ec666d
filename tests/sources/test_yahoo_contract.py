"""Yahoo obeys the contract of every source."""

from datetime import UTC, date, datetime, timedelta

import pytest
from contract import SourceCase, SourceContract
from yahoo_server import (
    Listing,
    YahooServer,
    source,
    yahoo_fixture,  # noqa: F401  (the fixture `yahoo`)
)


class TestYahooSource(SourceContract):
    @pytest.fixture
    def case(self, yahoo: YahooServer) -> SourceCase:
        days = [day for n in range(90) if (day := date(2024, 1, 2) + timedelta(days=n)).weekday() < 5]
        yahoo.list_(*(Listing(name, [(day, 10.0, 11.0, 9.0, 10.5, 900) for day in days]) for name in ("IWM", "SPY")))
        asked = source(yahoo, datetime(2024, 4, 2, tzinfo=UTC), extras=True)
        return SourceCase(asked, known=("IWM", "SPY"), unknown="SPYY", day=date(2024, 3, 8))
