"""The published bands: shape, arithmetic, and that the page shows what the code uses."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openapex.signals.bands import Band, panel_score, panels

PAGE = Path(__file__).resolve().parents[2] / "docs" / "signals-sentiment-fundamentals.md"
BANDS = {f"{kind}.{band.field}": band for kind, panel in panels().items() for band in panel.bands()}
each_band = pytest.mark.parametrize("band", BANDS.values(), ids=list(BANDS))


@pytest.mark.parametrize(
    ("name", "value", "score"),
    [
        ("stock.trailing_pe", 17.5, 57.5),  # midway between (15, 65) and (20, 50)
        ("stock.trailing_pe", 1.0, 90.0),
        ("stock.trailing_pe", 500.0, 10.0),
        ("stock.trailing_pe", 0.0, np.nan),
        ("stock.trailing_pe", -5.0, np.nan),
        ("stock.debt_to_equity", -0.4, np.nan),  # negative equity
        ("stock.debt_to_equity", 0.25, 80.0),
        ("stock.operating_margin_pct", -50.0, 5.0),
        ("stock.earnings_growth_pct", -25.0, 20.0),
        ("fund.expense_ratio_pct", 0.03, 90.0),
        ("fund.expense_ratio_pct", 0.75, 32.5),
    ],
)
def test_values_by_hand(name, value, score):
    np.testing.assert_allclose(BANDS[name].score(np.array([value])), [score])


@each_band
def test_points_rise_and_stay_within_0_to_100(band):
    assert (np.diff(band.xs) > 0).all()
    assert all(0 <= y <= 100 for y in band.ys)
    assert band.min_value <= band.xs[0]


@each_band
def test_a_band_goes_one_way_but_payout(band):
    """No "higher is better and lower is better at once"; a payout is best in the middle and says so."""
    steps = np.diff(band.ys)
    assert (steps > 0).all() or (steps < 0).all() or band.field == "payout_ratio_pct"


@pytest.mark.parametrize("panel", panels().values(), ids=list(panels()))
def test_group_weights_sum_to_one_and_minima_can_be_met(panel):
    assert sum(group.weight for group in panel.groups) == pytest.approx(1.0)
    assert panel.min_bands <= sum(1 for _ in panel.bands())
    assert 0 < panel.min_coverage <= 1


@each_band
@given(value=st.floats(allow_nan=True, allow_infinity=True))
def test_any_number_is_0_to_100_or_unknown(band, value):
    score = band.score(np.array([value]))[0]
    assert np.isnan(score) or 0 <= score <= 100
    if not np.isfinite(value):
        assert np.isnan(score)


def test_an_unknown_group_spreads_its_weight():
    numbers = {"trailing_pe": np.array([20.0, 20.0]), "debt_to_equity": np.array([1.0, np.nan])}
    told = panel_score(panels()["stock"], numbers, 2)
    np.testing.assert_allclose(told.coverage, [0.5, 0.3])
    np.testing.assert_allclose(told.n_bands, [2, 1])
    assert np.isnan(told.score).all()


def words(band: Band) -> str:
    """One row of the published tables."""
    points = " · ".join(f"{x:g} → {y:g}" for x, y in zip(band.xs, band.ys, strict=True))
    return f"| {band.label} | `{band.field}` | {points} |"


@each_band
def test_the_page_shows_every_band_as_it_is(band):
    assert words(band) in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("panel", panels().values(), ids=list(panels()))
def test_the_page_shows_weights_and_minima(panel):
    page = PAGE.read_text(encoding="utf-8")
    for group in panel.groups:
        assert f"{group.title} ({group.weight:.0%})".replace("%", " %") in page
    assert f"{panel.min_bands} bands" in page
