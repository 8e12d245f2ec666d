"""The weather names every series without which a number is unknown, and no other."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from tests.context.page import bars_of
from tests.context.published import KINDS

from openapex.context.macro import SERIES, Macro
from openapex.context.profile import profile
from openapex.context.universe import Universe
from openapex.context.weather import Weather, weather

DAY = date(2024, 7, 17)
CLOSE = [100.0 + n % 7 for n in range(60)]
COUNTS = {"S5TH", "ADV", "DECL", "MAHN", "MALN"}


def on(
    *, without: tuple[str, ...] = (), ended: tuple[str, ...] = (), universe: Universe | None = None, day: date = DAY
) -> Weather:
    """Return a weather whose series have a value on each of the last ten days, those that ended until long ago."""
    rows = []
    for name in SERIES:
        if name not in without:
            last = day - timedelta(days=700 if name in ended else 1)
            days = [last - timedelta(days=n) for n in range(10)]
            rows.append(
                pl.DataFrame(
                    {"series": [name] * 10, "reference_date": days, "known_at": days, "value": [1.0] * 10}, schema=KINDS
                )
            )
    bars = bars_of(CLOSE, symbol="IWM", start=day - timedelta(days=59))
    return weather(bars, {}, Macro(pl.concat(rows)), profile("IWM"), universe=universe, thorough=False)


@pytest.mark.parametrize(
    ("without", "named"),
    [
        ((), ()),
        (("DGS2", "CFNAI"), ("DGS2", "CFNAI")),
        (("DFEDTARU",), ()),  # DFF tells the policy days, and the old target is none any more
        (("DFEDTARU", "DFF"), ("DFEDTARU",)),
        (("DFEDTARU", "DFF", "FEDFUNDS"), ("DFEDTARU", "DFF")),
        (("FEDFUNDS", "DFF"), ()),  # the target stands in
        (("S5TH",), ()),
        (("S5TH", "MMTH"), ("S5TH",)),
        (("ADV",), ("ADV",)),
        (("MAHN", "MALN"), ("MAHN", "MALN")),
    ],
)
@pytest.mark.parametrize("way", ["without", "ended"])
def test_a_series_is_named_if_a_number_is_unknown_without_it(
    without: tuple[str, ...], named: tuple[str, ...], way: str
) -> None:
    """The names of those that only ended are added where they are told, if none stands in for them."""
    made = on(**{way: without})  # type: ignore[arg-type]
    stale = (
        {one.series for one in made.known if one.is_stale} - COUNTS - {"DFF", "DFEDTARU", "DFEDTAR", "FEDFUNDS", "MMTH"}
    )
    assert {*made.missing_series, *stale} == {*named}


def test_before_december_2008_the_single_target_is_named() -> None:
    made = on(without=("DFEDTARU", "DFEDTAR", "DFF"), day=date(2008, 10, 10))
    assert made.missing_series == ("DFEDTAR",)


def test_a_monthly_policy_rate_alone_leaves_policy_days_unknown_and_that_is_named() -> None:
    made = on(without=("DFF", "DFEDTARU", "DFEDTAR"))
    assert (made.rates.policy_series, made.events["policy_day"].is_now) == ("FEDFUNDS", None)
    assert made.missing_series == ("DFEDTARU",)


def test_a_daily_policy_rate_that_ended_without_another_is_named() -> None:
    made = on(ended=("DFF",), without=("FEDFUNDS", "DFEDTARU", "DFEDTAR"))
    assert np.isnan(made.rates.policy_pct)
    assert made.missing_series == ("DFEDTARU", "DFF")


def test_stored_stocks_stand_in_for_shares_and_counts_but_not_for_new_highs() -> None:
    stored = Universe(DAY, 50.0, 50.0, 60, 40, 100, "stored symbols")
    made = on(without=tuple(COUNTS | {"MMTH"}), universe=stored)
    assert made.missing_series == ("MAHN", "MALN")


@pytest.mark.parametrize("name", ["IWM", "SPY", "QQQ"])
def test_sectors_are_compared_with_spy_on_every_page(name: str) -> None:
    about = profile(name)
    one = {symbol: bars_of(CLOSE, symbol=symbol, start=DAY - timedelta(days=59)) for symbol in about.companions}
    bars = bars_of(CLOSE, symbol=name, start=DAY - timedelta(days=59))
    made = weather(bars, one, Macro.nothing(), about).relative
    a, b, c = name, about.benchmark, about.rival
    assert [*made.pairs] == [f"{a}/{b}", f"{a}/{c}", f"{b}/{c}", *(f"{sector}/SPY" for sector in about.proxies)]
    turned = {row.symbol: row.benchmark for row in made.rotation["daily"].values()}
    assert turned == {a: b, c: b, **dict.fromkeys(about.proxies, "SPY")}


def test_missing_companions_are_named_in_the_order_of_the_profile() -> None:
    assert on().missing_symbols == profile("IWM").companions
