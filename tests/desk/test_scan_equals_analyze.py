"""One row of a scan says exactly what `analyze` says of that symbol on that day: 200 random pairs, bit for bit."""

import math
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

import openapex as apex
from openapex.desk.scan import scan
from openapex.errors import ApexError
from openapex.sources.files import FilesSource

SIGNALS = ("rsi", "macd", "bollinger", "volume", "ma_cross", "fibonacci", "sentiment", "fundamentals")
STATS = (
    "change_pct", "atr_pct", "distance_sma_50_pct", "distance_sma_200_pct", "average_dollar_volume_20",
)  # fmt: skip
FIRST, LAST = date(2016, 6, 1), date(2023, 6, 30)


def told_by_analyze(symbol: str, as_of: date, **where: object) -> dict[str, object]:
    try:
        report = apex.analyze(symbol, as_of=as_of, context=False, offline=True, **where)  # type: ignore[arg-type]
    except ApexError as error:
        return {"error": type(error).__name__}
    values = {name: value for part in report.signals for name, value in part.opinion.values.items()}
    stats = report.key_stats
    return {
        "session": report.session,
        "score": report.score,
        "verdict": report.verdict,
        "coverage": report.coverage,
        "percentile": report.standing.percentile,
        "close": stats["last"],
        "below_52w_high_pct": 100 * (stats["last"] / stats["high_52w"] - 1),
        "n_bars": report.data.n_bars,
        **{f"{part.opinion.name}_score": part.opinion.score for part in report.signals},
        **{name: values.get(name, math.nan) for name in ("rsi", "percent_b", "relative_volume")},
        **{name: stats[name] for name in STATS},
        "events": sorted({event.name for part in report.signals for event in part.opinion.events}),
    }


def told_by_scan(symbols: list[str], as_of: date, **where: object) -> dict[str, dict[str, object]]:
    try:
        report = scan(symbols, as_of=as_of, **where)  # type: ignore[arg-type]
    except ApexError as error:
        return {name: {"error": type(error).__name__} for name in symbols}
    told: dict[str, dict[str, object]] = {one.symbol: {"error": one.cause} for one in report.refused}
    for row in report.table.iter_rows(named=True):
        told[row["symbol"]] = row | {"events": sorted(set(row["events"]))}
    return told


def same(theirs: object, mine: object) -> bool:
    if isinstance(theirs, float) and math.isnan(theirs):
        return mine is None
    return theirs == mine


def differences(symbols: list[str], as_of: date, **where: object) -> list[str]:
    scanned = told_by_scan(symbols, as_of, **where)
    found = []
    for symbol in symbols:
        mine, theirs = scanned[symbol], told_by_analyze(symbol, as_of, **where)
        if mine.get("error") == "Stale":
            mine = {"session": theirs["session"]}
            theirs = {"session": theirs["session"]}
        found += [
            f"{symbol} {as_of} {name}: analyze {value!r}, scan {mine.get(name)!r}"
            for name, value in theirs.items()
            if not same(value, mine.get(name))
        ]
    return found


def test_on_the_simulated_market_with_news_and_facts() -> None:
    names = ["IWM", "SPY", "TEC01", "FIN08", "HLT03", "UTL05"]
    assert differences(names, date(2019, 8, 14), source="demo") == []


@pytest.mark.realdata
@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_on_25_random_stocks_and_days_of_real_history(shared_data: Path, part: int) -> None:
    path = shared_data / "stocks_daily.parquet"
    held = FilesSource(path).symbols()
    rng = np.random.default_rng(20261123 + part)
    found = []
    for _ in range(5):
        as_of = FIRST + timedelta(days=int(rng.integers((LAST - FIRST).days)))
        symbols = [held[i] for i in rng.choice(len(held), 5, replace=False)]
        found += differences(symbols, as_of, data=path)
    assert found == []


@pytest.mark.realdata
@pytest.mark.slow
def test_on_funds_beside_their_benchmark(shared_data: Path) -> None:
    path = shared_data / "etf_daily.parquet"
    assert differences(["IWM", "QQQ", "KRE", "XLK", "SMH", "IXG"], date(2020, 3, 23), data=path) == []
    assert differences(["IWM", "XLRE", "TLT", "GLD", "QQQM"], date(2016, 9, 19), data=path) == []
