"""Every corruption is named by its rule, and nothing else is."""

import math
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from marked_market import NOW, changed, clean, judged
from polars.testing import assert_frame_equal

from openapex.bars import BAR_SCHEMA, Bars
from openapex.errors import UnreadableData
from openapex.quality import RULES, examined

INF, NAN = math.inf, math.nan


def rules(result) -> set[str]:
    return {finding.rule for finding in result.findings}


def test_a_clean_series_has_no_findings_and_is_untouched():
    frame = clean(2000)
    result = judged(frame)
    assert result.findings == ()
    assert_frame_equal(result.kept, frame)
    assert result.quarantined.is_empty()


@pytest.mark.parametrize(
    ("rule", "values"),
    [
        ("bad_high_low", {"high": 1.0}),
        ("bad_high_low", {"low": 1e6}),
        ("bad_high_low", {"close": 500.0}),
        ("bad_high_low", {"open": 1.0}),
        ("non_positive", {"low": 0.0}),
        ("non_positive", {"close": -5.29}),
        ("not_finite", {"high": INF}),
        ("not_finite", {"close": -INF}),
        ("missing_price", {"close": None}),
        ("missing_price", {"close": NAN}),
        ("missing_price", {"high": None}),
        ("missing_price", {"open": None, "high": None, "low": None, "close": None}),
        ("not_a_session", {"session": date(2024, 6, 22)}),
        ("not_a_session", {"session": date(2024, 6, 19)}),
        ("future_session", {"session": date(2024, 7, 5)}),
    ],
)
@pytest.mark.parametrize("row", [1, 150, -1])
def test_scenario_18_an_impossible_row_goes_to_quarantine_under_its_rule(rule, values, row):
    frame = changed(clean(), row, **values)
    result = judged(frame)
    assert result.quarantined["rule"].to_list() == [rule]
    assert result.kept.height == frame.height - 1
    (finding,) = [f for f in result.findings if f.effect == "quarantined"]
    assert finding.rule == rule
    assert finding.symbol == "X"
    assert str(finding.session) in finding.message
    Bars.from_frame(result.kept)


@pytest.mark.parametrize(
    ("rule", "values"),
    [
        ("negative_volume", {"volume": -100.0}),
        ("not_finite", {"volume": INF}),
        ("zero_volume_price_move", {"volume": 0.0}),
        ("volume_out_of_proportion", {"volume": 900.0}),
    ],
)
def test_scenario_18_a_bad_volume_is_unknown_and_the_price_stays(rule, values):
    frame = changed(clean(), 200, **values)
    result = judged(frame)
    assert [(f.rule, f.effect) for f in result.findings] == [(rule, "volume_unknown")]
    assert result.kept["volume"][200] is None
    assert result.kept["volume"].null_count() == 1
    assert_frame_equal(result.kept.drop("volume"), frame.drop("volume"))


def test_scenario_18_a_bad_adjusted_close_is_unknown():
    for value in (-5.29, 0.0, INF):
        result = judged(changed(clean(), 200, adj_close=value))
        assert [(f.rule, f.effect) for f in result.findings] == [("bad_adj_close", "adj_close_unknown")]
        assert result.kept["adj_close"][200] is None


def test_scenario_18_rows_out_of_order_are_sorted_and_noted():
    frame = clean()
    result = judged(frame.reverse())
    assert rules(result) == {"unsorted"}
    assert_frame_equal(result.kept, frame)


def test_scenario_18_a_hole_of_60_bars_is_noted_with_its_size():
    frame = clean()
    result = judged(pl.concat([frame[:100], frame[160:]]))
    (finding,) = result.findings
    assert (finding.rule, finding.effect, finding.n_bars) == ("hole", "noted", 60)
    assert finding.session == frame["session"][100]
    assert "60 sessions missing" in finding.message


def test_scenario_07_a_session_that_stands_twice_keeps_the_later_row():
    frame = clean()
    again = frame[-1].with_columns(volume=pl.lit(5.5e5))
    result = judged(pl.concat([frame, again]))
    assert result.kept.height == 300
    assert result.kept["volume"][-1] == 5.5e5
    assert result.quarantined["rule"].to_list() == ["duplicate_session"]
    broken = again.with_columns(close=pl.lit(-1.0))  # a later row that no bar can be does not win
    assert_frame_equal(judged(pl.concat([frame, broken])).kept, frame)


def test_scenario_08_flat_rows_of_a_fund_are_kept():
    frame = clean().with_columns(
        open=pl.lit(10.0), high=pl.lit(10.0), low=pl.lit(10.0), close=pl.lit(10.0), volume=pl.lit(0.0)
    )
    result = judged(frame)
    assert result.findings == ()
    assert_frame_equal(result.kept, frame)


def test_rounding_to_32_bits_is_no_fault():
    frame = clean(2000)
    touched = frame.with_columns(high=pl.max_horizontal("open", "close"), low=pl.min_horizontal("open", "close"))
    rounded = touched.with_columns(pl.col("open", "high", "low", "close").cast(pl.Float32).cast(pl.Float64))
    jittered = rounded.with_columns(high=pl.col("high") * (1 - 2e-7), low=pl.col("low") * (1 + 2e-7))
    assert judged(jittered).findings == ()


def test_an_index_without_open_high_low_is_kept_and_said():
    none = pl.lit(None, dtype=pl.Float64)
    frame = clean().with_columns(open=none, high=none, low=none)
    result = judged(frame)
    assert result.kept.height == 300
    (finding,) = result.findings
    assert (finding.rule, finding.n_bars) == ("close_only", 300)


def test_a_last_bar_before_the_close_is_provisional():
    eleven = datetime(2024, 6, 28, 15, tzinfo=UTC)
    result = judged(clean(), now=eleven)
    assert rules(result) == {"provisional_last_bar"}
    assert result.kept["provisional"].to_list() == [False] * 299 + [True]
    flagged = judged(changed(clean(), -1, provisional=True))
    assert rules(flagged) == {"provisional_last_bar"}


def test_a_series_that_ends_early_is_stale():
    result = judged(clean()[:-3])
    (finding,) = result.findings
    assert (finding.rule, finding.n_bars) == ("stale", 3)
    assert "3 sessions behind the last closed one (2024-06-28)" in finding.message
    assert judged(clean()[:-3], as_of=clean()["session"][-4]).findings == ()
    memorial_day = datetime(2024, 5, 28, 1, tzinfo=UTC)
    assert judged(clean().filter(pl.col("session") <= date(2024, 5, 24)), now=memorial_day).findings == ()


def test_nothing_after_as_of_is_looked_at():
    frame = clean()
    cut = frame["session"][200]
    poisoned = frame.with_columns(close=pl.when(pl.col("session") > cut).then(-1.0).otherwise("close"))
    assert_frame_equal(judged(poisoned, as_of=cut).kept, frame[:201])
    assert judged(poisoned, as_of=cut).findings == ()


def test_symbols_do_not_mix():
    good, bad = clean(symbol="A", seed=2), changed(clean(symbol="B", seed=3), 200, volume=900.0, close=-1.0)
    bad = changed(bad, 100, volume=1.0)
    both, alone = judged(pl.concat([bad, good])), judged(bad)
    assert_frame_equal(both.kept.filter(pl.col("symbol") == "A"), good)
    assert_frame_equal(both.kept.filter(pl.col("symbol") == "B"), alone.kept)
    assert [f for f in both.findings if f.symbol == "B" and f.rule != "unsorted"] == list(alone.findings)


def test_without_a_calendar_nothing_is_claimed_about_days():
    frame = clean()[:50].with_columns(session=pl.Series([date(2024, 5, 11) + timedelta(days=i) for i in range(50)]))
    assert judged(frame, calendar=None).findings == ()
    assert "not_a_session" in rules(judged(frame))


def test_scenario_34_nine_bars_one_bar_and_none_are_answered():
    for n_bars in (0, 1, 2, 9):
        frame = clean(n_bars)
        result = judged(frame)
        assert result.findings == ()
        assert_frame_equal(result.kept, frame)


def test_a_rule_broken_often_is_told_once():
    frame = clean().with_columns(volume=pl.lit(0.0))
    (finding,) = judged(frame).findings
    assert (finding.rule, finding.n_bars) == ("zero_volume_price_move", 300)
    assert finding.message.startswith("300 bars since")


def test_a_frame_that_is_no_bars_is_refused():
    with pytest.raises(UnreadableData, match="must also have"):
        examined(pl.DataFrame({"a": [1]}), calendar="XNYS", now=NOW)
    with pytest.raises(UnreadableData, match="must be known in every row"):
        examined(changed(clean(), 3, session=None), calendar="XNYS", now=NOW)


def test_the_input_is_untouched():
    frame = changed(clean(), 200, volume=900.0, close=-1.0)
    before = frame.clone()
    judged(frame)
    assert_frame_equal(frame, before)
    assert judged(frame).kept.schema == BAR_SCHEMA


def test_every_rule_has_its_sentence_in_the_docs():
    page = Path(__file__).parents[2] / "docs" / "data-quality.md"
    text = page.read_text(encoding="utf-8")
    assert [rule for rule in RULES if f"`{rule}`" not in text] == []
