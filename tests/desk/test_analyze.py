"""`analyze` on frames and on the simulated market: what it promises whatever the data."""

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

import openapex as apex
from openapex.errors import BadInput, InsufficientHistory, NoData, UnknownName, UnknownSymbol, UnreadableData
from openapex.score.model import model
from openapex.sessions import sessions_between
from openapex.signals import SIGNALS

NOW = datetime(2024, 7, 1, 12, tzinfo=UTC)
NAMES = ["rsi", "macd", "bollinger", "volume", "ma_cross", "fibonacci", "sentiment", "fundamentals"]


def walk(n_bars: int, symbol: str = "X", seed: int = 1) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    close = 100 * np.cumprod(1 + rng.normal(0.0004, 0.012, n_bars))
    reach = np.abs(rng.normal(0, 0.006, (2, n_bars)))
    days = sessions_between(date(2015, 1, 1), date(2024, 6, 28))[-n_bars:] if n_bars else np.array([], "datetime64[D]")
    previous = np.concatenate([[100.0], close[:-1]])[:n_bars]
    return pl.DataFrame(
        {
            "date": days, "symbol": [symbol] * n_bars, "open": previous,
            "high": np.maximum(previous, close) * (1 + reach[0]), "low": np.minimum(previous, close) * (1 - reach[1]),
            "close": close, "adj_close": close, "volume": rng.integers(1_000_000, 3_000_000, n_bars).astype(float),
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def demo() -> apex.Analysis:
    return apex.analyze("IWM", source="demo", as_of="2024-12-31")


def test_report_has_the_documented_keys(demo: apex.Analysis) -> None:
    made = demo.to_dict()
    assert [*made] == [
        "symbol", "as_of", "session", "simulated", "model", "score", "verdict", "coverage", "percentile",
        "base_rates", "signals", "key_stats", "context", "data",
    ]  # fmt: skip
    assert [part["name"] for part in made["signals"]] == NAMES == [*SIGNALS]
    values = {part["name"]: set(part["values"]) for part in made["signals"]}
    assert "rsi" in values["rsi"]
    assert {"macd", "signal", "histogram"} <= values["macd"]
    assert "percent_b" in values["bollinger"]
    assert "relative_volume" in values["volume"]
    assert "atr_pct" in made["key_stats"]
    assert set(made["base_rates"]) == {"buy", "sell"}
    assert made == json.loads(json.dumps(made, allow_nan=False))


def test_every_key_is_in_the_docs(demo: apex.Analysis) -> None:
    from docs.tables import JSON_PAGE

    page = JSON_PAGE.read_text("utf-8")
    made = demo.to_dict()
    keys = [*made, *made["key_stats"], *made["signals"][0], *made["data"], *made["base_rates"]["buy"]]
    assert not [key for key in keys if not re.search(rf"`(\w+(\[\])?\.)*{key}(\[\]|\.\w+)*`|`\.{key}(\[\])?`", page)]


def test_simulated_data_says_so_everywhere(demo: apex.Analysis) -> None:
    assert demo.simulated
    assert "SIMULATED" in demo._repr_html_()
    assert demo.to_dict()["simulated"] is True


def test_contributions_sum_to_the_distance_from_50(demo: apex.Analysis) -> None:
    assert sum(part.contribution for part in demo.signals) == pytest.approx(demo.score - 50, abs=1e-9)
    known = [part for part in demo.signals if not np.isnan(part.opinion.score)]
    weights = model("apex").weights
    assert demo.coverage == pytest.approx(sum(weights[part.opinion.name] for part in known))


def test_result_is_frozen(demo: apex.Analysis) -> None:
    with pytest.raises(AttributeError):
        demo.score = 99.0  # type: ignore[misc]


def test_same_question_same_answer(demo: apex.Analysis) -> None:
    again = apex.analyze("IWM", source="demo", as_of="2024-12-31")
    assert json.dumps(again.to_dict()) == json.dumps(demo.to_dict())


def test_as_of_on_the_simulated_market_equals_never_having_seen_later_days() -> None:
    early = apex.analyze("IWM", source="demo", as_of="2010-05-06").to_dict()
    assert early["session"] == "2010-05-06"
    assert early["data"]["last"] == "2010-05-06"


def test_one_symbol_frame_needs_no_name() -> None:
    named = apex.analyze("X", data=walk(400), now=NOW)
    bare = apex.analyze(walk(400).drop("symbol"), now=NOW)
    assert [part.opinion.score for part in named.signals[:6]] == [part.opinion.score for part in bare.signals[:6]]
    assert named.symbol == "X"


def test_missing_news_and_facts_are_missing_not_50() -> None:
    report = apex.analyze(walk(400), now=NOW)
    by_name = {part.opinion.name: part for part in report.signals}
    for name in ("sentiment", "fundamentals"):
        assert np.isnan(by_name[name].opinion.score)
        assert by_name[name].weight == 0.0
        assert report.to_dict()["signals"][NAMES.index(name)]["score"] is None
    assert report.coverage == pytest.approx(0.8)
    assert report.verdict is not None


def test_pandas_index_is_understood() -> None:
    frame = walk(300).drop("symbol").to_pandas().set_index("date")
    assert apex.analyze(frame, now=NOW).symbol == "FRAME"


def test_without_adjusted_close_the_report_says_returns_leave_out_dividends() -> None:
    report = apex.analyze(walk(300).drop("adj_close"), now=NOW)
    assert "no_adjusted_close" in {warning.rule for warning in report.data.warnings}


def test_provisional_bar_is_left_out_unless_asked_for() -> None:
    frame = walk(300).with_columns(provisional=pl.Series([False] * 299 + [True]))
    without, closed = apex.analyze(frame, now=NOW), apex.analyze(frame[:-1], now=NOW)
    assert without.session == closed.session
    assert without.to_dict()["signals"] == closed.to_dict()["signals"]
    asked = apex.analyze(frame, now=NOW, provisional=True)
    assert asked.session > without.session
    assert asked.data.provisional


def test_scenario_09_provisional_bar_changes_no_score() -> None:
    frame = walk(300).with_columns(provisional=pl.lit(False))
    half_day = frame[-1].with_columns(
        date=pl.lit(date(2024, 7, 1)), close=pl.col("close") * 1.08, high=pl.col("high") * 1.09,
        volume=pl.col("volume") * 0.2, provisional=pl.lit(True),
    )  # fmt: skip
    settled, morning = apex.analyze(frame, now=NOW), apex.analyze(pl.concat([frame, half_day]), now=NOW)
    assert morning.score == settled.score
    assert morning.key_stats["relative_volume"] == settled.key_stats["relative_volume"]


def test_scenario_34_a_newcomer_changes_no_one_else() -> None:
    others = [walk(300, f"S{i}", seed=i) for i in range(6)]
    young = [walk(9, "IPO9", seed=90), walk(1, "IPO1", seed=91)]
    with_them, without = pl.concat([*others, *young]), pl.concat(others)
    for i in range(6):
        made = [apex.analyze(f"S{i}", data=frame, now=NOW).to_dict() for frame in (with_them, without)]
        assert json.dumps(made[0]) == json.dumps(made[1])
    for name, n_bars in (("IPO9", 9), ("IPO1", 1)):
        with pytest.raises(InsufficientHistory, match=rf"{name} has {n_bars} bars, must be at least \d+"):
            apex.analyze(name, data=with_them, now=NOW)
    with pytest.raises(UnknownSymbol, match="IPO0"):
        apex.analyze("IPO0", data=with_them, now=NOW)


PATHS: dict[str, Callable[[int], float]] = {
    "flat": lambda i: 100.0,
    "only_up": lambda i: 100.0 * 1.003**i,
    "only_down": lambda i: 100.0 * 0.997**i,
    "alternating": lambda i: 100.0 + (i % 2),
    "one_gap": lambda i: 100.0 if i < 200 else 140.0,
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("volume", [0.0, 1e6])
def test_scenario_27_degenerate_markets_give_defined_reports(path: str, volume: float) -> None:
    frame = walk(300)
    price = pl.Series([PATHS[path](i) for i in range(300)])
    frame = frame.with_columns(
        **{name: price for name in ("open", "high", "low", "close", "adj_close")}, volume=pl.lit(volume)
    )
    report = apex.analyze(frame, now=NOW)
    made = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    for part in made["signals"]:
        assert part["score"] is None or 0 <= part["score"] <= 100
        assert part["reason"]
    assert sum(part["contribution"] for part in made["signals"]) == pytest.approx(made["score"] - 50, abs=1e-9)
    rsi = made["signals"][0]["values"]["rsi"]
    assert rsi == pytest.approx({"flat": 50.0, "only_up": 100.0, "only_down": 0.0}.get(path, rsi))


def test_headlines_between_the_last_close_and_as_of_count_on_the_last_bar() -> None:
    from openapex.desk.analyze import appraise
    from openapex.desk.material import Gathered, Material
    from openapex.sources.source import ACTION_SCHEMA, FACT_SCHEMA, HEADLINE_SCHEMA, empty

    bars = walk(300).rename({"date": "session"}).with_columns(provisional=pl.lit(False))
    friday = bars["session"].max()
    assert friday == date(2024, 6, 28)
    saturday = datetime(2024, 6, 29, 15, tzinfo=UTC)
    news = pl.DataFrame(
        [("X", saturday, "X raises full-year guidance and beats estimates", "Wire")], HEADLINE_SCHEMA, orient="row"
    )
    material = Material("X", "frame", False, "split_adjusted", bars, empty(ACTION_SCHEMA), news, empty(FACT_SCHEMA))

    def sentiment(as_of: date | None, now: datetime) -> float:
        report = appraise(Gathered(material, {}), model(), as_of=as_of, provisional=False, now=now)
        return next(part.opinion.score for part in report.signals if part.opinion.name == "sentiment")

    assert sentiment(None, saturday + timedelta(hours=1)) > 50
    assert sentiment(date(2024, 6, 30), saturday) > 50
    assert np.isnan(sentiment(friday, saturday + timedelta(days=5)))
    assert np.isnan(sentiment(None, saturday - timedelta(hours=1)))


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"source": "yaho"}, UnknownName, "Did you mean 'yahoo'"),
        ({"source": "demo", "model": "apx"}, UnknownName, "Did you mean 'apex'"),
        ({"source": "demo", "as_of": "31/12/2024"}, BadInput, "as_of is '31/12/2024', must be a date"),
        ({"source": "demo", "as_of": "1980-01-01"}, NoData, "IWM"),
        ({"data": "/nonexistent/prices.csv"}, BadInput, "prices.csv"),
        ({"data": 3.14}, BadInput, "data is a float"),
        ({"data": pl.DataFrame({"a": [1]})}, UnreadableData, "must"),
        ({"data": walk(0)}, (NoData, UnreadableData), "IWM|row|empty"),
    ],
)
def test_bad_input_is_a_named_error(arguments: dict[str, object], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        apex.analyze("IWM", **arguments)  # type: ignore[arg-type]


def test_frame_of_many_symbols_needs_a_name() -> None:
    with pytest.raises(BadInput, match="2 symbols"):
        apex.analyze(pl.concat([walk(50, "A"), walk(50, "B")]))
