"""Breadth, regime and events of docs/context.md once more, on top of `recomputed`; nothing of `openapex` either."""

from functools import cache
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import talib
from tests.context.recomputed import (
    back,
    bars,
    breadth_series,
    common,
    growth_parts,
    growth_state,
    held,
    percentile,
    policy,
    relative_20,
    sigma,
    spread,
    two_year,
)

IWM_FALSE_VOLUMES = ["2008-03-25", "2008-03-28", "2008-04-04", "2008-04-22", "2008-04-24", "2008-07-03", "2019-07-30"]


# --- breadth --------------------------------------------------------------------------------------------------------


def participation(folder: Path, as_of: str) -> pd.DataFrame:
    """Return IWM's lead over QQQ, its sigma, the state and the leadership changes, on their common sessions."""
    lead = relative_20(folder, "IWM", "QQQ", as_of)
    made = pd.DataFrame({"lead": lead, "sigma": sigma(lead.to_numpy())})
    made["state"] = held((made["lead"] / made["sigma"]).to_numpy(), "NARROW", "MIXED", "BROAD")
    run, has_long_run, changes = 0, False, []
    for state in made["state"]:
        run = run + 1 if state == "NARROW" else 0
        has_long_run = has_long_run or run >= 20
        changes.append(state == "BROAD" and has_long_run)
        has_long_run = has_long_run and state != "BROAD"
    return made.assign(leadership_change=changes)


def breadth(folder: Path, as_of: str) -> dict[str, object]:
    day, rows = pd.Timestamp(as_of), participation(folder, as_of)
    last, changes = rows.iloc[-1], rows.index[rows["leadership_change"]]
    rank = percentile(rows["lead"].abs().to_numpy())
    up, down = _of_one_day(folder, "ADV", "DECL", day)
    highs, lows = _of_one_day(folder, "MAHN", "MALN", day)
    return {
        "relative_20_pct": last["lead"],
        "relative_20_sigmas": last["lead"] / last["sigma"],
        "relative_20_percentile": percentile(rows["lead"].to_numpy()),
        "threshold_pct": last["sigma"],
        "state": last["state"],
        "is_dramatic": None if np.isnan(rank) else bool(rank >= 95),
        "leadership_change": bool(last["leadership_change"]) if isinstance(last["state"], str) else None,
        "last_leadership_change": str(changes[-1].date()) if len(changes) else None,
        "advancers": up,
        "decliners": down,
        "advance_decline_pct": 100 * (up - down) / (up + down),
        "new_highs": highs,
        "new_lows": lows,
    }


def _of_one_day(folder: Path, one: str, other: str, day: pd.Timestamp) -> tuple[float, float]:
    series = [breadth_series(folder, name) for name in (one, other)]
    both = pd.concat([pd.Series(x.value, x.reference) for x in series], axis=1, join="inner").loc[:day]
    is_fresh = len(both) > 0 and (day - both.index[-1]).days <= 7
    return tuple(both.iloc[-1]) if is_fresh else (np.nan, np.nan)


def above_200(folder: Path, as_of: str) -> dict[str, float]:
    return {name: breadth_series(folder, name).until(as_of).on(pd.Timestamp(as_of)) for name in ("S5TH", "MMTH")}


# --- regime ---------------------------------------------------------------------------------------------------------


def _is(state: str | None, word: str) -> bool | None:
    return None if state is None else state == word


def _not(yes: bool | None) -> bool | None:
    return None if yes is None else not yes


def _all(*parts: bool | None) -> bool | None:
    if any(part is False for part in parts):
        return False
    return None if any(part is None for part in parts) else True


def regime_of(credit: str | None, rates: str | None, breadth: str | None, growth: str | None) -> str | None:
    """Return the first rule that holds; None if a rule before it, or itself, cannot be decided."""
    rising, is_broad = _is(rates, "RISING"), _is(breadth, "BROAD")
    slow = _all(_is(growth, "SLOWING"), _is(rates, "FALLING"), _not(is_broad))
    rules = {"CRUNCH": _is(credit, "CRUNCH"), "STRAINED": _is(credit, "STRAINED")}
    rules |= {"TAILWIND": _all(is_broad, _not(rising)), "HEADWIND": _all(rising, _not(is_broad))}
    rules |= {"SLOWDOWN": slow, "NARROW": _is(breadth, "NARROW"), "NEUTRAL": True}
    for name, holds in rules.items():
        if holds is None:
            return None
        if holds:
            return name
    raise AssertionError


def parts(folder: Path, symbol: str, as_of: str) -> pd.DataFrame:
    """Return the four states on each session of the symbol."""
    days = bars(folder, symbol).loc[:as_of].index
    growth = {name: part.each(days) for name, part in growth_parts(folder, as_of).items()}
    made = pd.DataFrame({"credit": spread(folder, as_of)["state"].each(days)}, index=days, dtype=object)
    made["rates"] = two_year(folder, as_of)[2].each(days)
    wide = participation(folder, as_of)["state"].reindex(days)
    made["breadth"] = np.array([word if isinstance(word, str) else None for word in wide], dtype=object)
    made["growth"] = np.array(
        [growth_state({name: v[t] for name, v in growth.items()})[0] for t in range(len(days))], dtype=object
    )
    return made


@cache
def regime(folder: Path, symbol: str, as_of: str) -> dict[str, object]:
    of = parts(folder, symbol, as_of).astype(object)
    words = lambda row: {k: v if isinstance(v, str) else None for k, v in row.items()}  # noqa: E731
    rows = [words(row) for row in of.to_dict("records")]
    states = [regime_of(**row) for row in rows]
    known = [state for state in states if state is not None]
    spells = [
        (state, [day for _, day in days])
        for state, days in groupby(zip(states, of.index, strict=True), lambda at: at[0])
    ]
    ended = [(state, len(days)) for (state, days), (after, _) in pairwise(spells) if state and after]
    names = sorted(set(known))
    moves = [(a, b) for a, b in pairwise(states) if a and b and a != b]
    return {
        "state": states[-1],
        "since": str(spells[-1][1][0].date()),
        "n_sessions": len(spells[-1][1]),
        "n_known": len(known),
        "first": str(of.index[next(t for t, s in enumerate(states) if s)].date()),
        "parts": rows[-1],
        "share": {name: 100 * known.count(name) / len(known) for name in names},
        "median_dwell": {name: float(np.median(d)) for name in names if (d := [n for s, n in ended if s == name])},
        "transitions": {f"{a} → {b}": moves.count((a, b)) for a, b in set(moves)},
        "runs": [(state, str(days[0].date()), len(days)) for state, days in spells[-12:]],
    }


# --- events ---------------------------------------------------------------------------------------------------------


def _both(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return 1 where both are, 0 where one of them is not (even if the other is unknown), else NaN."""
    return np.where((a == 0) | (b == 0), 0.0, np.where(np.isnan(a) | np.isnan(b), np.nan, 1.0))


def _known_where(yes: np.ndarray, is_known: np.ndarray) -> np.ndarray:
    return np.where(is_known, yes, np.nan).astype(float)


def _rsi_events(close: np.ndarray) -> dict[str, np.ndarray]:
    rsi = talib.RSI(close, 14)
    inside = _known_where((rsi >= 35) & (rsi <= 42), ~np.isnan(rsi))
    before = back(inside, 1)
    return {"rsi_dip": inside, "rsi_dip_entered": _both(inside, 1 - before), "rsi_dip_left": _both(1 - inside, before)}


def _fed_events(folder: Path, as_of: str, days: pd.DatetimeIndex) -> dict[str, np.ndarray]:
    money = policy(folder, as_of, days)
    shifting, shift, before = [], [], []
    for stance, expects in zip(money["stance"], money["expects"], strict=True):
        needs_both = stance == "on hold"
        is_known = isinstance(stance, str) and (isinstance(expects, str) or not needs_both)
        now = stance == "cutting" or (needs_both and expects == "cuts")
        shifting.append(float(now) if is_known else np.nan)
        is_first = 0.0 if any(before[-60:]) else 1.0 if len(before) >= 60 else np.nan
        shift.append(_both(np.array(shifting[-1]), np.array(is_first)).item())
        if is_known:
            before.append(now)
    return {"fed_shifting_to_cutting": np.array(shifting), "fed_shift": np.array(shift)}


def _volume_events(folder: Path, symbol: str, as_of: str) -> dict[str, np.ndarray]:
    rows = bars(folder, symbol).loc[:as_of]
    volume = rows["volume"].copy()
    if symbol == "IWM":
        volume[volume.index.isin(pd.to_datetime(IWM_FALSE_VOLUMES))] = np.nan
    times = (volume / volume.shift(1).rolling(20).apply(np.mean, raw=True)).to_numpy()  # 20 known bars or nothing
    top = np.array([rows["high"].iloc[max(0, t - 20) : t].max() if t >= 20 else np.nan for t in range(len(rows))])
    is_known = ~np.isnan(times)
    spike = _known_where(times >= 2, is_known)
    return {
        "volume_spike": spike,
        "volume_spike_in_band": _known_where((times >= 2) & (times <= 3), is_known),
        "spike_at_breakout": _known_where((times >= 2) & (rows["close"].to_numpy() > top), is_known),
    }


def _rotation_days(folder: Path, symbol: str, other: str, as_of: str) -> dict[str, np.ndarray]:
    prices = common(folder, (symbol, other), as_of)
    lead = (prices[symbol] / prices[symbol].shift(1) - prices[other] / prices[other].shift(1)).to_numpy()
    edge = np.full(len(lead), np.nan)
    for t in range(1, len(lead)):
        window = lead[max(1, t - 252) : t]
        if len(window) >= 126:
            edge[t] = 2 * window.std(ddof=1)
    is_known, days = ~np.isnan(edge), bars(folder, symbol).loc[:as_of].index
    made = {"rotation_day_up": lead > edge, "rotation_day_down": lead < -edge}
    return {
        name: pd.Series(_known_where(yes, is_known), prices.index).reindex(days).to_numpy()
        for name, yes in made.items()
    }


def events(folder: Path, symbol: str, other: str, as_of: str) -> dict[str, dict[str, object]]:
    rows = bars(folder, symbol).loc[:as_of]
    wide = participation(folder, as_of)
    series = _rsi_events(rows["close"].to_numpy()) | _fed_events(folder, as_of, rows.index)
    series |= _volume_events(folder, symbol, as_of) | _rotation_days(folder, symbol, other, as_of)
    changes = _known_where(wide["leadership_change"].to_numpy(), wide["state"].notna().to_numpy())
    series["leadership_change"] = pd.Series(changes, wide.index).reindex(rows.index).to_numpy()
    series["policy_day"] = np.full(len(rows), np.nan)
    made: dict[str, dict[str, object]] = {}
    for name, values in series.items():
        days, n = rows.index[values == 1], int((~np.isnan(values)).sum())
        made[name] = {
            "is_now": None if np.isnan(values[-1]) else bool(values[-1]),
            "last": str(days[-1].date()) if len(days) else None,
            "n": len(days),
            "n_sessions": n,
        }
        made[name]["share_pct"] = 100 * len(days) / n if n else np.nan
    return made


def driver(folder: Path, as_of: str) -> str | None:
    day = pd.Timestamp(as_of)
    two, wide = two_year(folder, as_of)[1].on(day), spread(folder, as_of)["sigmas"].on(day)
    activity = growth_parts(folder, as_of)["cfnai_ma3"].on(day)
    if np.isnan([two, wide, activity]).any():
        return None
    fear = wide >= 1 or activity <= -0.7
    if two >= 1 and not fear:
        return "rates"
    return "credit or earnings" if fear and two < 1 else "undecided"
