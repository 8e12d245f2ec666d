"""The contract itself: each planted fault must be caught by the check that is there for it."""

import indicator_contract as contract
import numpy as np
import pytest
from paths import inputs

from openapex.indicators import SMA, sma

WINDOW = 20
CLOSE = inputs(SMA)


def centred(columns, offsets):
    """A window that looks 10 bars ahead."""
    return (np.r_[sma(columns[0], WINDOW)[10:], np.full(10, np.nan)],)


def whole_sample_z(columns, offsets):
    """A z-score against mean and deviation of the whole sample, warm-up honestly NaN."""
    z = (columns[0] - columns[0].mean()) / columns[0].std()
    return (np.r_[np.full(min(len(z), WINDOW - 1), np.nan), z[WINDOW - 1 :]],)


def zero_warm_up(columns, offsets):
    """Warm-up filled with 0."""
    return (np.nan_to_num(sma(columns[0], WINDOW)),)


def short_warm_up(columns, offsets):
    """A value one bar before the window is full."""
    values = sma(columns[0], WINDOW)
    if len(values) > WINDOW:
        values[WINDOW - 2] = columns[0][: WINDOW - 1].mean()
    return (values,)


def cross_symbol(columns, offsets):
    """One window over the whole column, blind to where a symbol ends."""
    return (sma(columns[0], WINDOW),)


def mutating(columns, offsets):
    """Fills the warm-up of its input."""
    values = sma(columns[0], WINDOW)
    columns[0][: WINDOW - 1] = columns[0][0]
    return (values,)


def back_filled(columns, offsets):
    """Fills the warm-up from its first value: visible only to a cut inside the warm-up."""
    values = sma(columns[0], WINDOW)
    return (np.where(np.isnan(values), values[WINDOW - 1] if len(values) >= WINDOW else np.nan, values),)


def hole_filling(columns, offsets):
    """Carries the last value over a gap."""
    values = columns[0].copy()
    for i in range(1, len(values)):
        if not np.isfinite(values[i]):
            values[i] = values[i - 1]
    return (sma(values, WINDOW),)


def unscaled(columns, offsets):
    """Adds an amount of money to a price."""
    return (sma(columns[0], WINDOW) + 1.0,)


CASES = {
    centred: lambda f: contract.check_past_never_changes(f, CLOSE, WINDOW - 1),
    whole_sample_z: lambda f: contract.check_past_never_changes(f, CLOSE, WINDOW - 1),
    zero_warm_up: lambda f: contract.check_warm_up(f, CLOSE, WINDOW - 1),
    short_warm_up: lambda f: contract.check_warm_up(f, CLOSE, WINDOW - 1),
    cross_symbol: lambda f: contract.check_symbols_do_not_mix(f, CLOSE),
    mutating: lambda f: contract.check_input_is_untouched(f, [c.copy() for c in CLOSE]),
    back_filled: lambda f: contract.check_past_never_changes(f, CLOSE, WINDOW - 1),
    hole_filling: lambda f: contract.check_gap(f, CLOSE),
    unscaled: lambda f: contract.check_scale(f, CLOSE, ("close",), (1,)),
}


@pytest.mark.parametrize("planted", CASES, ids=lambda f: f.__name__)
def test_the_contract_catches(planted):
    with pytest.raises(AssertionError), np.errstate(all="ignore"):
        CASES[planted](planted)


@pytest.mark.parametrize("planted", [centred, whole_sample_z], ids=lambda f: f.__name__)
def test_poisoned_future_is_noticed(planted):
    with pytest.raises(AssertionError), np.errstate(all="ignore"):
        contract.check_future_cannot_matter(planted, CLOSE, WINDOW - 1)


@pytest.mark.parametrize("check", [check for planted, check in CASES.items() if planted is not mutating])
def test_a_clean_indicator_passes_every_check(check):
    check(contract.panel_of(SMA))
