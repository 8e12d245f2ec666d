"""Holdings by sector, as known."""

import csv
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from openapex.context.holdings import CASH, UNNAMED, sector_weights
from openapex.errors import UnreadableData

LIST = {
    "fund": ["IWM"] * 7,
    "symbol": ["AAA", "BBB", "CCC", "USD", "RTYM6", "DDD", "EEE"],
    "sector": ["Financials", "Health Care", "Financials", "Cash and/or Derivatives", "Financials", None, "Health Care"],
    "asset_class": ["Equity", "Equity", "Equity", "Cash", "Futures", "Equity", None],
    "weight_pct": [20.0, 30.0, 25.0, 0.5, 0.25, 4.0, None],
    "as_of": [date(2024, 3, 1)] * 7,
}


def test_sector_weights_add_up_with_cash_and_derivatives_apart() -> None:
    found = sector_weights(pl.DataFrame(LIST), "IWM", date(2024, 3, 4))
    assert found is not None
    assert [(line.name, line.weight_pct, line.n_holdings) for line in found.sectors] == [
        ("Financials", 45.0, 2),
        ("Health Care", 30.0, 2),
        (UNNAMED, 4.0, 1),
    ]
    assert found.cash is not None
    assert (found.cash.name, found.cash.weight_pct, found.cash.n_holdings) == (CASH, 0.75, 2)
    assert (found.fund, found.list_date, found.n_holdings) == ("IWM", date(2024, 3, 1), 5)
    assert (found.weight_pct, found.n_unweighted) == (79.75, 1)


def test_without_asset_classes_the_sector_says_what_is_cash() -> None:
    found = sector_weights(pl.DataFrame(LIST).drop("asset_class"), "IWM", date(2024, 3, 4))
    assert found is not None
    assert found.sectors[0].weight_pct == 45.25
    assert found.cash is not None
    assert (found.cash.weight_pct, found.cash.n_holdings) == (0.5, 1)


def test_a_later_list_is_not_known_yet_and_an_older_one_is_replaced() -> None:
    older, newer = pl.DataFrame(LIST), pl.DataFrame(LIST | {"as_of": [date(2024, 4, 1)] * 7}).head(2)
    both = pl.concat([newer, older])
    dates = {
        day: sector_weights(both, "IWM", date(2024, *day)) for day in ((3, 1), (3, 3), (3, 4), (4, 1), (4, 2), (5, 1))
    }
    assert dates[3, 1] is dates[3, 3] is None, "the list of a Friday is published on Monday"
    assert dates[3, 4] == dates[4, 1] == sector_weights(older, "IWM", date(2024, 3, 4))
    assert dates[4, 2] == dates[5, 1] == sector_weights(newer, "IWM", date(2024, 4, 2))
    assert dates[4, 2] is not None
    assert dates[4, 2].cash is None
    assert sector_weights(both, "IJR", date(2024, 5, 1)) is None


def test_sectors_of_equal_weight_stand_by_name_whatever_the_order_of_rows() -> None:
    frame = pl.DataFrame(LIST | {"weight_pct": [float("nan"), 5.0, 5.0, 1.0, 1.0, 5.0, 0.0]})
    found = sector_weights(frame, "IWM", date(2024, 3, 4))
    assert found is not None
    assert [line.name for line in found.sectors] == ["Financials", "Health Care", UNNAMED]
    assert found.n_unweighted == 1
    assert found == sector_weights(frame.reverse(), "IWM", date(2024, 3, 4))


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pl.DataFrame(LIST).drop("sector"), r"must also have \['sector'\]"),
        (pl.DataFrame(LIST | {"as_of": ["2024-03-01"] * 7}), "as_of of the holdings is String, must be Date"),
        (pl.DataFrame(LIST | {"weight_pct": ["1"] * 7}), "weight_pct of the holdings is String, must be a number"),
    ],
)
def test_a_faulty_list_of_holdings_is_refused_by_name(frame: pl.DataFrame, message: str) -> None:
    with pytest.raises(UnreadableData, match=message):
        sector_weights(frame, "IWM", date(2024, 3, 1))


@pytest.mark.realdata
def test_iwm_by_sector_equals_the_issuers_list(shared_data: Path) -> None:
    frame = pl.read_csv(shared_data / "iwm_holdings_2026-05-05.csv", try_parse_dates=True, infer_schema_length=None)
    found = sector_weights(frame.with_columns(fund=pl.lit("IWM")), "IWM", date(2026, 5, 29))
    expected: dict[str, list[float]] = {}
    with (shared_data / "iwm_holdings_2026-05-05.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            expected.setdefault(row["sector"], []).append(float(row["weight_pct"]))
    cash = expected.pop("Cash and/or Derivatives")
    assert found is not None
    assert found.cash is not None
    assert found.cash.weight_pct == pytest.approx(sum(cash), abs=1e-9)
    assert {line.name: line.n_holdings for line in found.sectors} == {name: len(w) for name, w in expected.items()}
    assert {line.name: line.weight_pct for line in found.sectors} == pytest.approx(
        {name: sum(weights) for name, weights in expected.items()}, abs=1e-9
    )
    assert (found.sectors[0].name, found.n_holdings, found.list_date) == ("Industrials", 1924, date(2026, 5, 5))
    assert sector_weights(frame.with_columns(fund=pl.lit("IWM")), "IWM", date(2026, 5, 5)) is None
