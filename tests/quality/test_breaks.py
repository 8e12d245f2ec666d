"""Scale breaks never become returns; spikes are noted and change nothing."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from marked_market import changed, clean, judged, scaled
from polars.testing import assert_frame_equal

from openapex.adjust import ACTION_SCHEMA

SPLIT_ROW = 200


def split(frame: pl.DataFrame, value: float, row: int = SPLIT_ROW) -> pl.DataFrame:
    return pl.DataFrame([("X", frame["session"][row], "split", value)], schema=ACTION_SCHEMA, orient="row")


def largest_move(frame: pl.DataFrame) -> float:
    return float(np.abs(np.diff(np.log(frame["close"].to_numpy()))).max())


def told(result, rule: str):
    return [finding for finding in result.findings if finding.rule == rule]


@pytest.mark.parametrize("value", [4.0, 2.0, 1.5, 20.0, 0.1])
def test_scenario_11_an_announced_split_that_was_not_applied_is_quarantined_with_its_repair(value):
    frame = clean()
    result = judged(scaled(frame, 0, SPLIT_ROW, value), split(frame, value))
    assert_frame_equal(result.kept, frame[SPLIT_ROW:])
    (finding,) = told(result, "split_not_applied")
    shown = f"1/{value:g}" if value > 1 else "10"
    assert f"multiply earlier prices by {shown}" in finding.message
    assert finding.effect == "quarantined"
    assert result.quarantined["rule"].unique().to_list() == ["split_not_applied"]


def test_scenario_11_a_split_applied_twice_is_quarantined():
    frame = clean()
    result = judged(scaled(frame, 0, SPLIT_ROW, 1 / 4), split(frame, 4.0))
    assert_frame_equal(result.kept, frame[SPLIT_ROW:])
    assert "multiply earlier prices by 4" in told(result, "split_not_applied")[0].message


def test_scenario_11_all_but_one_day_unadjusted_gives_no_fourfold_return():
    frame = clean()
    result = judged(scaled(frame, 0, SPLIT_ROW - 1, 4.0), split(frame, 4.0))
    assert result.kept.height > 90
    assert largest_move(result.kept) < 0.1
    assert told(result, "split_like_jump")


def test_scenario_11_a_split_that_was_applied_is_no_finding():
    frame = clean()
    assert judged(frame, split(frame, 4.0)).findings == ()


@pytest.mark.parametrize("factor", [2.0, 3.0, 4.0, 5.0, 10.0, 20.0, 0.5, 1 / 3, 0.1, 100.0, 0.01])
def test_an_unannounced_new_scale_is_held_then_restarts_history(factor):
    frame = clean()
    result = judged(scaled(frame, 0, SPLIT_ROW, factor))
    assert largest_move(result.kept) < 0.1
    assert_frame_equal(result.kept, frame[SPLIT_ROW + 5 :])
    (finding,) = told(result, "split_like_jump")
    assert finding.session == frame["session"][SPLIT_ROW]
    assert "add the split to the actions" in finding.message


@pytest.mark.parametrize(("begin", "end"), [(200, 201), (200, 204), (297, 300)])
@pytest.mark.parametrize("factor", [100.0, 0.01, 4.0])
def test_days_on_another_scale_are_held_and_the_rest_is_kept(begin, end, factor):
    frame = clean()
    result = judged(scaled(frame, begin, end, factor))
    assert_frame_equal(result.kept, pl.concat([frame[:begin], frame[end:]]))
    assert result.quarantined["session"].to_list() == frame["session"][begin:end].to_list()


def test_a_crash_to_half_on_heavy_volume_is_a_return_and_noted_as_nothing_else():
    frame = scaled(clean(), SPLIT_ROW, 300, 0.48)
    loud = changed(frame, SPLIT_ROW, volume=3e7, high=frame["high"][SPLIT_ROW] * 1.12)
    result = judged(loud)
    assert result.kept.height == 300
    assert {f.rule for f in result.findings} <= {"unexplained_jump", "reverting_spike"}
    assert told(result, "unexplained_jump")


def test_a_high_far_beyond_the_closes_is_noted_and_used():
    frame = clean()
    spiked = changed(frame, 200, high=frame["close"][200] * 1.15)
    result = judged(spiked)
    assert [(f.rule, f.effect, f.session) for f in result.findings] == [
        ("reverting_spike", "noted", frame["session"][200])
    ]
    assert_frame_equal(result.kept, spiked)


def test_a_close_that_jumps_and_comes_back_is_noted():
    frame = clean()
    close = frame["close"][200] * 1.25
    result = judged(changed(frame, 200, close=close, high=close * 1.001))
    assert "reverting_spike" in {f.rule for f in result.findings}
    assert result.kept.height == 300


def test_half_days_with_a_quarter_of_the_volume_are_not_out_of_proportion():
    frame = clean()
    early = frame["session"].is_in([date(2023, 11, 24), date(2024, 7, 3)])
    assert judged(frame.with_columns(volume=pl.when(early).then(2.5e5).otherwise("volume"))).findings == ()
