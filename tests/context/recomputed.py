"""The numbers of docs/context.md once more: plain pandas and NumPy, simple, slow, from the written definitions only.

Nothing of `openapex` is imported here.  A number is NaN where it is unknown; a word is None.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from tests.context.recomputed_releases import known_on, recession_rows

LIMITS = {"ICSA": 24, "FEDFUNDS": 75, "PAYEMS": 85, "UNRATE": 85, "CFNAI": 100, "USREC": 340, "DTWEXBGS": 17}
BREADTH_LIMIT, DAILY_LIMIT = 7, 10
DAY = pd.Timedelta(days=1)
BEFORE_A_SURPRISE = pd.DatetimeIndex(["2001-09-10", "2004-06-10"])
"""Last sessions of a week by a closure that no calendar had: on that day the week was not over for anyone."""


# --- the data as it was known ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Known:
    """One series: reference dates, the day each became known, values, and the age at which a value goes stale."""

    reference: pd.DatetimeIndex
    known: pd.DatetimeIndex
    value: np.ndarray
    limit: int

    def until(self, day: str) -> "Known":
        kept = np.asarray(self.known <= pd.Timestamp(day))
        return Known(self.reference[kept], self.known[kept], self.value[kept], self.limit)

    def of(self, value: np.ndarray) -> "Known":
        return Known(self.reference, self.known, np.asarray(value), self.limit)

    def on(self, day: pd.Timestamp) -> object:
        """Return the value that stands on `day`: the newest published one, unless it is too old."""
        published = np.flatnonzero(self.known <= day)
        if len(published) == 0 or (day - self.reference[published[-1]]).days > self.limit:
            return None if self.value.dtype == object else np.nan
        return self.value[published[-1]]

    def each(self, days: pd.DatetimeIndex) -> np.ndarray:
        return np.array([self.on(day) for day in days], dtype=self.value.dtype)


@cache
def bars(folder: Path, symbol: str) -> pd.DataFrame:
    return _table(folder, "etf_daily").query("symbol == @symbol").set_index("date").sort_index()


@cache
def _table(folder: Path, name: str) -> pd.DataFrame:
    rows = pd.read_parquet(folder / f"{name}.parquet")
    return rows.assign(date=pd.to_datetime(rows["date"]))


@cache
def macro(folder: Path, series: str) -> Known:
    rows = _table(folder, "macro").query("series == @series").sort_values("date")
    reference = pd.DatetimeIndex(rows["date"])
    if series == "USREC":
        months, days, values = zip(*recession_rows(reference, rows["value"].to_numpy(float)), strict=True)
        return Known(pd.DatetimeIndex(months), pd.DatetimeIndex(days), np.array(values), LIMITS[series])
    known = pd.DatetimeIndex([known_on(series, day) for day in reference])
    return Known(reference, known, rows["value"].to_numpy(float), LIMITS.get(series, DAILY_LIMIT))


@cache
def breadth_series(folder: Path, series: str) -> Known:
    rows = _table(folder, "market_breadth").query("series == @series").sort_values("date")
    reference = pd.DatetimeIndex(rows["date"])
    return Known(reference, reference, rows["value"].to_numpy(float), BREADTH_LIMIT)


def common(folder: Path, symbols: tuple[str, ...], as_of: str, column: str = "adj_close") -> pd.DataFrame:
    """Return one column of each symbol on the sessions that all of them have, from the first known value on."""
    made = pd.concat([bars(folder, s).loc[:as_of, column].rename(s) for s in symbols], axis=1, join="inner")
    return made[made.notna().all(axis=1).cummax()]


# --- words of the definitions ---------------------------------------------------------------------------------------


def sigma(values: np.ndarray) -> np.ndarray:
    """Return the sample standard deviation of the last 756 values, from 252 known ones on."""
    made = np.full(len(values), np.nan)
    for t in range(len(values)):
        window = values[max(0, t - 755) : t + 1]
        window = window[~np.isnan(window)]
        if len(window) >= 252:
            made[t] = window.std(ddof=1)
    return made


def percentile(values: np.ndarray, least: int = 252) -> float:
    """Return the share of the known values, the last included, that is lower than the last, ties half."""
    known = values[~np.isnan(values)]
    if len(known) < least or np.isnan(values[-1]):
        return np.nan
    return 100 * ((known < known[-1]).sum() + 0.5 * (known == known[-1]).sum()) / len(known)


def held(z: np.ndarray, below: str, between: str, above: str) -> np.ndarray:
    made: list[str | None] = []
    state, quiet = between, 0
    for value in z:
        quiet = quiet + 1 if abs(value) < 1 else 0
        if value >= 1:
            state = above
        elif value <= -1:
            state = below
        elif quiet >= 20:
            state = between
        made.append(None if np.isnan(value) else state)
    return np.array(made, dtype=object)


def exact(values: np.ndarray) -> np.ndarray:
    """Return differences of published decimals as the decimals they are: 5.33 - 5.23 is 0.10, a tie is a tie."""
    return np.round(values, 10)


def back(values: np.ndarray, n: int) -> np.ndarray:
    """Return the values of `n` rows earlier."""
    return pd.Series(values).shift(n).to_numpy()


# --- relative strength ----------------------------------------------------------------------------------------------


def relative_20(folder: Path, a: str, b: str, as_of: str) -> pd.Series:
    prices = common(folder, (a, b), as_of)
    return 100 * (prices[a] / prices[a].shift(20) - prices[b] / prices[b].shift(20))


def pair(folder: Path, a: str, b: str, as_of: str) -> dict[str, object]:
    total, close = common(folder, (a, b), as_of), common(folder, (a, b), as_of, "close")
    ratio = (100 * (total[a] / total[a].iloc[0]) / (total[b] / total[b].iloc[0])).to_numpy()
    ahead = relative_20(folder, a, b, as_of).to_numpy()
    year = ratio[-252:]
    full = len(year) == 252
    return {
        "ratio": ratio[-1],
        "price_ratio": close[a].iloc[-1] / close[b].iloc[-1],
        "relative_20_pct": ahead[-1],
        "relative_20_percentile": percentile(ahead),
        "z_score": (ahead[-1] - np.nanmean(ahead[-756:])) / sigma(ahead)[-1],
        "slope_pct": 100 * np.polyfit(np.arange(20), np.log(ratio[-20:]), 1)[0],
        "ratio_percentile": percentile(year),
        "is_high_252": bool(year[-1] == year.max()) if full else None,
        "is_low_252": bool(year[-1] == year.min()) if full else None,
    }


def _standing_out(values: np.ndarray, window: int) -> np.ndarray:
    made = np.full(len(values), np.nan)
    for t in range(window - 1, len(values)):
        last = values[t - window + 1 : t + 1]
        made[t] = 100 + (last[-1] - last.mean()) / last.std(ddof=1)
    return made


def _quadrant(ratio: float, momentum: float) -> str | None:
    if np.isnan([ratio, momentum]).any():
        return None
    if ratio >= 100:
        return "leading" if momentum >= 100 else "weakening"
    return "improving" if momentum >= 100 else "lagging"


def rotation(folder: Path, symbol: str, benchmark: str, as_of: str, weekly: bool) -> dict[str, object]:
    prices = common(folder, (symbol, benchmark), as_of)
    window, step = 63, 10
    if weekly:
        window, step = 26, 2
        exchange = bars(folder, "SPY").index  # the whole file: the exchange's sessions are known in advance
        week = (exchange - pd.to_timedelta(exchange.day_of_week, unit="D")).to_numpy()
        closes_week = exchange[np.append(week[1:] != week[:-1], True)]
        closes_week = closes_week[(closes_week < prices.index[-1]) | ~closes_week.isin(BEFORE_A_SURPRISE)]
        prices = prices[prices.index.isin(closes_week)]
    strength = _standing_out(100 * np.log(prices[symbol] / prices[benchmark]).to_numpy(), window)
    change = strength - back(strength, step)
    momentum = _standing_out(change, window)
    rows = [
        {"session": str(day.date()), "rs_ratio": r, "rs_momentum": m, "quadrant": _quadrant(r, m)}
        for day, r, m in zip(prices.index, strength, momentum, strict=True)
    ]
    return rows[-1] | {"tail": rows[-8:]}


# --- rates ----------------------------------------------------------------------------------------------------------


def two_year(folder: Path, as_of: str) -> tuple[Known, Known, Known]:
    """Return the 20-publication changes of DGS2, the same in sigmas, and the held state."""
    yields = macro(folder, "DGS2").until(as_of)
    change = exact(yields.value - back(yields.value, 20))
    sigmas = change / sigma(change)
    return yields.of(change), yields.of(sigmas), yields.of(held(sigmas, "FALLING", "STEADY", "RISING"))


def policy(folder: Path, as_of: str, days: pd.DatetimeIndex) -> pd.DataFrame:
    """Return, for each day, the policy rate, its change, stance, conviction and what the market expects."""
    rate = macro(folder, "FEDFUNDS").until(as_of)
    made = pd.DataFrame({"rate": rate.each(days)}, index=days)
    made["change"] = exact(made["rate"] - rate.each(days - 91 * DAY))
    made["conviction"] = exact(macro(folder, "DGS2").until(as_of).each(days) - made["rate"])
    words = {"stance": ("change", 0.10, "cutting", "on hold", "hiking")}
    words["expects"] = ("conviction", 0.25, "cuts", "no change", "hikes")
    for name, (of, edge, low, middle, high) in words.items():
        word = [None if np.isnan(v) else low if v <= -edge else high if v >= edge else middle for v in made[of]]
        made[name] = np.array(word, dtype=object)
    return made


def rates(folder: Path, symbol: str, as_of: str) -> dict[str, object]:
    day, days = pd.Timestamp(as_of), bars(folder, symbol).loc[:as_of].index
    change, sigmas, state = two_year(folder, as_of)
    money = policy(folder, as_of, days)
    last, of = money.iloc[-1], {"RISING": 1.0, "FALLING": -1.0}.get(str(state.on(day)))
    return {
        "two_year_pct": macro(folder, "DGS2").on(day),
        "ten_year_pct": macro(folder, "DGS10").on(day),
        "curve_pct": macro(folder, "T10Y2Y").on(day),
        "two_year_change_20_pct": change.on(day),
        "two_year_change_20_sigmas": sigmas.on(day),
        "two_year_change_20_percentile": percentile(change.value),
        "state": state.on(day),
        "last_confirmed": None if of is None else _last(days[of * sigmas.each(days) >= 1]),
        "policy_pct": last["rate"],
        "policy_series": "FEDFUNDS",
        "policy_change_91d_pct": last["change"],
        "stance": last["stance"],
        "conviction_pct": last["conviction"],
        "conviction_percentile": percentile(money["conviction"].to_numpy()),
        "expects": last["expects"],
    }


def _last(days: pd.DatetimeIndex) -> str | None:
    return str(days[-1].date()) if len(days) else None


def _least_squares(x: np.ndarray, y: np.ndarray) -> tuple[float, float, float]:
    """Return slope, its Newey-West error (matrices, no small-sample factor) and R squared."""
    design = np.column_stack([np.ones(len(x)), x])
    intercept, slope = np.linalg.lstsq(design, y, rcond=None)[0]
    rest = y - intercept - slope * x
    moments = design * rest[:, None]
    lags = int(4 * (len(x) / 100) ** (2 / 9))
    middle = moments.T @ moments
    for lag in range(1, lags + 1):
        product = moments[lag:].T @ moments[:-lag]
        middle += (1 - lag / (lags + 1)) * (product + product.T)
    bread = np.linalg.inv(design.T @ design)
    error = np.sqrt((bread @ middle @ bread)[1, 1])
    return slope, error, 1 - (rest**2).sum() / ((y - y.mean()) ** 2).sum()


def rate_beta(folder: Path, symbol: str, as_of: str, own: bool) -> dict[str, float]:
    prices = common(folder, (symbol, "SPY") if symbol != "SPY" else ("SPY",), as_of)
    yields = macro(folder, "DGS2").until(as_of)
    both = prices.join(pd.Series(yields.value, yields.reference, name="yield"), how="inner")
    returns = 100 * (both / both.shift(1) - 1)
    y = (returns[symbol] if own else returns[symbol] - returns["SPY"]).to_numpy()[1:]
    x = np.diff(both["yield"].to_numpy())
    rolling = [_least_squares(x[max(0, t - 252) : t], y[max(0, t - 252) : t])[0] for t in range(126, len(x) + 1)]
    slope, error, r_squared = _least_squares(x[-252:], y[-252:])
    return {
        "beta": slope,
        "low": slope - 1.96 * error,
        "high": slope + 1.96 * error,
        "r_squared": r_squared,
        "n": len(x[-252:]),
        "percentile": percentile(np.array(rolling)),
    }


# --- credit and growth ----------------------------------------------------------------------------------------------


def spread(folder: Path, as_of: str) -> dict[str, Known]:
    level = macro(folder, "BAMLH0A0HYM2").until(as_of)
    change = exact(level.value - back(level.value, 20))
    share = np.array([percentile(level.value[: t + 1], 504) for t in range(len(level.value))])
    states: list[str | None] = []
    now: str | None = None
    for p, d in zip(share, change, strict=True):
        is_calm, was = p < 70 and d < 0.5, now
        if np.isnan(p):
            states.append(None)
            continue
        if (was == "CRUNCH" and d > 0) or (p >= 90 and d >= 1.0):
            now = "CRUNCH"
        elif p >= 80 or d >= 1.0 or (was in ("CRUNCH", "STRAINED") and not is_calm):
            now = "STRAINED"
        else:
            now = "CALM"
        states.append(now)
    parts = {"level": level.value, "change": change, "percentile": share, "sigmas": change / sigma(change)}
    return {name: level.of(value) for name, value in (parts | {"state": np.array(states, dtype=object)}).items()}


def credit(folder: Path, as_of: str) -> dict[str, object]:
    day, parts, vix = pd.Timestamp(as_of), spread(folder, as_of), macro(folder, "VIXCLS").until(as_of)
    days = bars(folder, "SPY").loc[:as_of].index[-1500:]
    p, d = parts["percentile"].each(days), parts["change"].each(days)
    begun = {"CRUNCH": (p >= 90) & (d >= 1), "STRAINED": (p >= 80) | (d >= 1), "CALM": (p < 70) & (d < 0.5)}
    state = parts["state"].on(day)
    has_funds = pd.Timestamp(as_of) in common(folder, ("HYG", "IEF"), as_of).index
    return {
        "spread_pct": parts["level"].on(day),
        "spread_change_20_pct": parts["change"].on(day),
        "spread_percentile": parts["percentile"].on(day),
        "spread_change_20_sigmas": parts["sigmas"].on(day),
        "state": state,
        "last_confirmed": _last(days[begun[state]]) if isinstance(state, str) else None,
        "vix": vix.on(day),
        "vix_percentile": percentile(vix.value),
        "hyg_ief_20_pct": relative_20(folder, "HYG", "IEF", as_of).iloc[-1] if has_funds else np.nan,
        "history_since": str(parts["level"].reference[0].date()),
    }


def _mean(values: np.ndarray, n: int) -> np.ndarray:
    return np.array([values[t - n + 1 : t + 1].mean() if t >= n - 1 else np.nan for t in range(len(values))])


def growth_parts(folder: Path, as_of: str) -> dict[str, Known]:
    activity, claims, jobs = (macro(folder, name).until(as_of) for name in ("CFNAI", "ICSA", "PAYEMS"))
    three, four = _mean(activity.value, 3), _mean(claims.value, 4)
    gain = (jobs.value - back(jobs.value, 3)) / 3
    return {
        "cfnai_ma3": activity.of(three),
        "cfnai_ma3_change": activity.of(exact(three - back(three, 3))),
        "claims_4w": claims.of(four),
        "claims_change_13w_pct": claims.of(100 * (four / back(four, 13) - 1)),
        "payrolls_3m": jobs.of(gain),
        "payrolls_change_3m": jobs.of(gain - back(gain, 3)),
    }


def growth_state(values: dict[str, float]) -> tuple[str | None, int | None, dict[str, int | None]]:
    rules = {"cfnai": ("cfnai_ma3_change", 0.10, 1), "claims": ("claims_change_13w_pct", 3, -1)}
    rules["payrolls"] = ("payrolls_change_3m", 25, 1)
    votes: dict[str, int | None] = {}
    for name, (key, edge, sign) in rules.items():
        value = values[key]
        votes[name] = None if np.isnan(value) else sign * (int(value >= edge) - int(value <= -edge))
    known = [vote for vote in votes.values() if vote is not None]
    if len(known) < 2:
        return None, None, votes
    total = sum(known)
    return ("ACCELERATING" if total >= 2 else "SLOWING" if total <= -2 else "STEADY"), total, votes


def growth(folder: Path, as_of: str) -> dict[str, object]:
    day = pd.Timestamp(as_of)
    values = {name: part.on(day) for name, part in growth_parts(folder, as_of).items()}
    state, total, votes = growth_state(values)
    recession = macro(folder, "USREC").until(as_of).on(day)
    facts = {
        "unemployment_pct": macro(folder, "UNRATE").until(as_of).on(day),
        "recession": None if np.isnan(recession) else bool(recession),
    }
    return values | facts | {"state": state, "votes": votes, "balance": total}
