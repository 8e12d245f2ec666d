"""FRED behind the contract of every source of macro series, without and with a key."""

from datetime import UTC, date, datetime

import pytest
from fred_server import KEY, FredServer, fred_fixture, source  # noqa: F401  (the fixture `fred`)
from macro_contract import MacroCase, MacroSourceContract

NOW = datetime(2024, 12, 6, 20, 0, tzinfo=UTC)


def held(fred: FredServer) -> FredServer:
    """Two series: yields from 2024-03-04 to 03-08, and unemployment with one revision."""
    fred.publish("DGS2", *((f"2024-03-0{n}", f"2024-03-0{n + 1}", f"4.5{n}") for n in range(4, 9)))
    fred.publish("UNRATE", ("2023-12-01", "2024-01-05", "3.7"), ("2024-01-01", "2024-02-02", "3.7"))
    fred.publish("UNRATE", ("2024-02-01", "2024-03-08", "3.9"), ("2023-12-01", "2024-03-08", "3.8"))
    return fred


class TestFredWithoutKey(MacroSourceContract):
    @pytest.fixture
    def case(self, fred: FredServer) -> MacroCase:
        return MacroCase(source(held(fred), NOW), known=("DGS2", "UNRATE"), unknown="DGS22", as_of=date(2024, 3, 7))


class TestFredWithKey(MacroSourceContract):
    @pytest.fixture
    def case(self, fred: FredServer) -> MacroCase:
        keyed = source(held(fred), NOW, api_key=KEY)
        return MacroCase(keyed, known=("DGS2", "UNRATE"), unknown="DGS22", as_of=date(2024, 3, 7))
