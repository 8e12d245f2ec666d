"""The contract, run against every indicator; a new one joins by standing in `INDICATORS`."""

import functools
from itertools import pairwise

import indicator_contract as contract
import numpy as np
import pytest
from paths import bar_columns, inputs, path

from openapex.indicators import INDICATORS, Indicator, Stream, interpreted
from openapex.indicators.compiled import compiled_together

EDGES = np.array([0, 1, 1, 10, 300, 700, 1000])


@functools.cache
def everything_compiled():
    """Every indicator over one ragged universe with gaps, in one compiled pass."""
    columns = holed_columns()
    values = compiled_together([(indicator, {}) for indicator in INDICATORS], columns, EDGES)
    return dict(zip(INDICATORS, values, strict=True))


@functools.cache
def holed_columns():
    columns = bar_columns(path("walk", 1000, 3), 3)
    rng = np.random.default_rng(4)
    for column in columns.values():
        column[rng.integers(0, 1000, 3)] = np.nan
        column[rng.integers(0, 1000, 1)] = np.inf
    return columns


@pytest.mark.parametrize("indicator", INDICATORS, ids=str)
class TestIndicator:
    def test_past_never_changes(self, indicator: Indicator):
        warm_up = indicator.warm_up(*indicator.params.values())
        contract.check_past_never_changes(contract.panel_of(indicator), inputs(indicator), warm_up)

    def test_future_cannot_matter(self, indicator: Indicator):
        warm_up = indicator.warm_up(*indicator.params.values())
        contract.check_future_cannot_matter(contract.panel_of(indicator), inputs(indicator), warm_up)

    @pytest.mark.parametrize("factor", [1, 2, 5])
    def test_warm_up_is_nan_and_as_long_as_declared(self, indicator: Indicator, factor: int):
        params = {name: value * factor for name, value in indicator.params.items() if isinstance(value, int)}
        warm_up = indicator.warm_up(*indicator.arguments(params))
        run, columns = contract.panel_of(indicator, **params), inputs(indicator, 700)
        contract.check_warm_up(run, columns, warm_up, is_fixed=indicator.is_warm_up_fixed)

    def test_interpreted_compiled_and_streamed_are_equal(self, indicator: Indicator):
        columns = [holed_columns()[name] for name in indicator.inputs]
        for a, b in pairwise(EDGES):
            rows = [column[a:b] for column in columns]
            batch = interpreted(indicator, rows)
            contract.assert_same([v[a:b] for v in everything_compiled()[indicator]], batch, f"compiled, {a} to {b}")
            stream = Stream(indicator)
            streamed = np.array([stream.update(*row) for row in zip(*rows, strict=True)])
            contract.assert_same(list(streamed.reshape(b - a, len(batch)).T), batch, f"streamed, {a} to {b}")

    def test_symbols_do_not_mix(self, indicator: Indicator):
        contract.check_symbols_do_not_mix(contract.panel_of(indicator), inputs(indicator))

    def test_input_is_untouched(self, indicator: Indicator):
        contract.check_input_is_untouched(contract.panel_of(indicator), inputs(indicator))

    def test_scale_law(self, indicator: Indicator):
        run = contract.panel_of(indicator)
        contract.check_scale(run, inputs(indicator), indicator.inputs, indicator.scale)

    def test_scenario_28_a_gap_harms_only_its_windows(self, indicator: Indicator):
        contract.check_gap(contract.panel_of(indicator), inputs(indicator))

    def test_no_bars_and_one_bar_give_no_value(self, indicator: Indicator):
        columns = inputs(indicator)
        assert [len(output) for output in interpreted(indicator, [c[:0] for c in columns])] == [0] * len(
            indicator.outputs
        )
        if indicator.warm_up(*indicator.params.values()):
            assert all(np.isnan(output).all() for output in interpreted(indicator, [c[:1] for c in columns]))

    def test_declares_one_scale_per_output_and_a_documented_function(self, indicator: Indicator):
        import openapex.indicators as ta

        assert len(indicator.scale) == len(indicator.outputs)
        documented = getattr(ta, indicator.name).__doc__
        assert "warm-up" in documented
        assert "Known at the close" in documented or "As `rolling_high`" in documented
