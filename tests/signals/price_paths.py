"""Price paths for the tests of the signals: random walks, and the shapes of failure scenario 27."""

import numpy as np

from openapex.bars import Bars
from openapex.signals.signal import SignalInputs


def bars_of(close, high=None, low=None, volume=None, symbol="TEST"):
    close = np.asarray(close, dtype=float)
    n = len(close)
    return Bars(
        symbols=(symbol,),
        offsets=np.array([0, n]),
        sessions=np.datetime64("2001-01-02") + np.arange(n),
        open=close,
        high=close * 1.01 if high is None else np.asarray(high, dtype=float),
        low=close * 0.99 if low is None else np.asarray(low, dtype=float),
        close=close,
        adj_close=close,
        volume=np.full(n, 1e6) if volume is None else np.asarray(volume, dtype=float),
        provisional=np.zeros(n, dtype=bool),
    )


def random_bars(seed, n=700, symbol="TEST"):
    rng = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0002, 0.015, n)))
    high = close * np.exp(rng.exponential(0.006, n))
    low = close * np.exp(-rng.exponential(0.006, n))
    return bars_of(close, high, low, np.round(1e6 * np.exp(rng.normal(0.0, 0.5, n))), symbol)


def scaled(bars, price=1.0, volume=1.0):
    return bars_of(bars.close * price, bars.high * price, bars.low * price, bars.volume * volume)


def changed(bars, **columns):
    given = {"high": bars.high, "low": bars.low, "volume": bars.volume, **columns}
    return bars_of(given.pop("close", bars.close), **given)


def first(bars, n):
    return bars_of(bars.close[:n], bars.high[:n], bars.low[:n], bars.volume[:n])


def history(signal, bars):
    return signal.history(SignalInputs(bars))


def columns_of(history):
    return {"score": history.score, **history.values, **history.events}


def assert_equal(one, other, rows=slice(None)):
    left, right = columns_of(one), columns_of(other)
    assert left.keys() == right.keys()
    for name in left:
        np.testing.assert_array_equal(left[name][rows], right[name][rows], err_msg=name)


N = 400
LINE = np.arange(N, dtype=float)
SCENARIO_27 = {
    "flat": bars_of(np.full(N, 100.0), np.full(N, 100.0), np.full(N, 100.0)),
    "only_up": bars_of(100.0 + LINE),
    "only_down": bars_of(1000.0 - LINE),
    "alternating": bars_of(100.0 + LINE % 2),
    "zero_range": bars_of(*[random_bars(27, N).close] * 3),
    "zero_volume": changed(random_bars(27, N), volume=np.zeros(N)),
    "single_gap": bars_of(*[np.where(LINE < 250, 100.0, 150.0)] * 3),
}


def panel_of(named):
    """Several symbols in one `Bars`, the ragged shape of a universe; `named` maps symbol to bars, sorted."""
    parts = [named[symbol] for symbol in sorted(named)]
    names = ("sessions", "open", "high", "low", "close", "adj_close", "volume", "provisional")
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    offsets = np.concatenate([[0], np.cumsum([len(part) for part in parts])])
    return Bars(symbols=tuple(sorted(named)), offsets=offsets, **columns)
