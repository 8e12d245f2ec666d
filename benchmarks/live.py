"""One more bar for every symbol: `Live` interpreted and compiled, against the milliseconds promised."""

import time
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.measured import Measured
from openapex.bars import Bars, FloatArray
from openapex.score.live import Live
from openapex.score.live_bars import NewBars

N_SYMBOLS, N_PLAIN, WARM, N_NEW = 2_000, 50, 300, 20
PLAIN_BAR_MS, COMPILED_BAR_MS = 1.0, 20.0


def universe(n_symbols: int, n_bars: int) -> Bars:
    """Return seeded random walks."""
    rng = np.random.default_rng(20241231)
    shape = (n_symbols, n_bars)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.015, shape), axis=1)).ravel()
    reach = np.abs(rng.normal(0.0, 0.008, n_symbols * n_bars))
    return Bars(
        symbols=tuple(f"S{i:05d}" for i in range(n_symbols)),
        offsets=np.arange(n_symbols + 1) * n_bars,
        sessions=np.tile(np.datetime64("2020-01-01") + np.arange(n_bars), n_symbols),
        open=close,
        high=close * (1.0 + reach),
        low=close * (1.0 - reach),
        close=close,
        adj_close=close,
        volume=np.floor(rng.lognormal(14.0, 0.5, n_symbols * n_bars)),
        provisional=np.zeros(n_symbols * n_bars, dtype=bool),
    )


def span(bars: Bars, first: int, end: int) -> Bars:
    """Return bars `first` up to `end` of every symbol; all have the same number."""
    n = len(bars.symbols)

    def cut(column: FloatArray) -> FloatArray:
        return column.reshape(n, -1)[:, first:end].ravel()

    names = ("sessions", "open", "high", "low", "close", "adj_close", "volume", "provisional")
    columns = {name: cut(getattr(bars, name)) for name in names}
    return Bars(bars.symbols, np.arange(n + 1) * (end - first), **columns)


def milliseconds(job: Callable[[], object]) -> float:
    begin = time.perf_counter()
    job()
    return (time.perf_counter() - begin) * 1e3


def mapping(new: Bars) -> dict[str, tuple[object, ...]]:
    """Return one bar a symbol as a feed would write it."""
    names = ("sessions", "open", "high", "low", "close", "volume")
    return dict(zip(new.symbols, zip(*(getattr(new, name).tolist() for name in names), strict=True), strict=True))


def taken(bars: Bars, *, compiled: bool, one_by_one: bool = False, as_mapping: bool = False) -> list[float]:
    """Return the milliseconds of each of the new bars, after `WARM` bars of history."""
    live = Live(span(bars, 0, WARM), compiled=compiled)
    found = []
    for t in range(WARM, WARM + N_NEW):
        new = span(bars, t, t + 1)
        parts: list[NewBars] = [new.one(symbol) for symbol in new.symbols] if one_by_one else [new]
        parts = [mapping(new)] if as_mapping else parts
        found += [milliseconds(lambda part=part: live.update(part)) for part in parts]
    return found


def run() -> Iterator[Measured]:
    """Yield the milliseconds against what is promised; medians, since a busy machine only ever adds time."""
    bars = universe(N_SYMBOLS, WARM + N_NEW)
    few = Bars.from_frame(bars.frame().filter(bars.frame()["symbol"] < f"S{N_PLAIN:05d}"))
    alone = float(np.median(taken(few, compiled=False, one_by_one=True)))
    together = float(np.median(taken(few, compiled=False))) / N_PLAIN
    detail = f"{alone:.3f} ms alone, {together:.3f} ms a symbol among {N_PLAIN}: six signals, composite, verdict"
    yield Measured("live, interpreted / 1 ms a symbol", max(alone, together) / PLAIN_BAR_MS, 1.0, detail)
    for form, as_mapping in (("Bars", False), ("a mapping", True)):
        all_ms = taken(bars, compiled=True, as_mapping=as_mapping)
        middle, worst = float(np.median(all_ms)), max(all_ms)
        detail = f"{middle:.1f} ms (worst of {N_NEW}: {worst:.1f} ms) for one bar of {N_SYMBOLS:,} symbols"
        yield Measured(f"live, compiled, from {form} / 20 ms", middle / COMPILED_BAR_MS, 1.0, detail)


if __name__ == "__main__":
    for measured in run():
        print(measured)
