"""The regime: rates × credit × breadth × growth as one named state, with its history (docs/context.md)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache

import numpy as np

from openapex.bars import IntArray
from openapex.context.causal import NAN, UNKNOWN, CodeArray, States
from openapex.errors import BadInput

REGIMES = ("CRUNCH", "STRAINED", "TAILWIND", "HEADWIND", "SLOWDOWN", "NARROW", "NEUTRAL")
PARTS: Mapping[str, tuple[str, ...]] = {
    "rates": ("FALLING", "STEADY", "RISING"),
    "credit": ("CALM", "STRAINED", "CRUNCH"),
    "breadth": ("NARROW", "MIXED", "BROAD"),
    "growth": ("SLOWING", "STEADY", "ACCELERATING"),
}
"""The four parts and the names of their states, in the order of their codes."""


@dataclass(frozen=True, slots=True)
class Regime:
    """Today's regime and how regimes came and went.

    Parameters
    ----------
    state : str or None
        One of `REGIMES`; None where a part that its rules need is unknown.
    since : date or None
        First session of today's state, without interruption.
    n_sessions : int
        Sessions it has stood, today included; 0 when unknown.
    parts : mapping of str to (str or None)
        State of rates, credit, breadth and growth today.
    share : mapping of str to float
        Percent of the known sessions in each regime; NaN without a known session.
    median_dwell : mapping of str to float
        Median length in sessions of each regime's completed spells: those that another regime followed at once.  A
        spell that still stands, or that ended in the unknown, is left out; NaN where no spell was completed.
    transitions : mapping of str to int
        How often one regime directly followed another, by "A → B".
    n_known : int
        Sessions with a known regime.
    states : States
        The regime on every session.
    """

    state: str | None
    since: date | None
    n_sessions: int
    parts: Mapping[str, str | None]
    share: Mapping[str, float]
    median_dwell: Mapping[str, float]
    transitions: Mapping[str, int]
    n_known: int
    states: States = field(repr=False, compare=False, metadata={"internal": True})


def regime(rates: States, credit: States, breadth: States, growth: States) -> Regime:
    """Return the regime that the four parts make, on every session and today.

    Parameters
    ----------
    rates, credit, breadth, growth : States
        On the same sessions, with the names of `PARTS`.

    Returns
    -------
    Regime

    Raises
    ------
    BadInput
        If the sessions differ, or a part has other names.

    Notes
    -----
    A rule is refused as soon as one of its conditions fails, known or not what the others are: with a known breadth
    that is not BROAD, TAILWIND does not wait for the rates.  The first rule that can neither be refused nor affirmed
    makes the regime unknown.
    """
    parts = {"rates": rates, "credit": credit, "breadth": breadth, "growth": growth}
    for name, part in parts.items():
        if part.names != PARTS[name]:
            raise BadInput(f"{name} has states {part.names}, must be {PARTS[name]}")
        if not np.array_equal(part.sessions, rates.sessions):
            raise BadInput(f"{name} stands on other sessions than rates, must stand on the same")
    states = States(rates.sessions, _table()[rates.codes, credit.codes, breadth.codes, growth.codes], REGIMES)
    counts = np.bincount(states.codes[states.codes != UNKNOWN], minlength=len(REGIMES))
    n_known = int(counts.sum())
    starts, lengths, followers = _spells(states.codes)
    return Regime(
        state=states.last,
        since=states.since,
        n_sessions=states.n_sessions,
        parts={name: part.last for name, part in parts.items()},
        share={name: 100.0 * int(n) / n_known if n_known else NAN for name, n in zip(REGIMES, counts, strict=True)},
        median_dwell=_median_dwell(starts, lengths, followers),
        transitions=_transitions(starts, followers),
        n_known=n_known,
        states=states,
    )


@cache
def _table() -> CodeArray:
    """Return the regime's code for every combination of codes; the code of the unknown, -1, is the last place."""
    places = [(*names, None) for names in PARTS.values()]
    return np.array(
        [[[[_code(r, c, b, g) for g in places[3]] for b in places[2]] for c in places[1]] for r in places[0]],
        dtype=np.int8,
    )


def _code(rates: str | None, credit: str | None, breadth: str | None, growth: str | None) -> int:
    """Return the row of the first rule that holds, `UNKNOWN` if one before it may hold."""
    is_broad, is_rising = _is(breadth, "BROAD"), _is(rates, "RISING")
    rules = (
        _is(credit, "CRUNCH"),
        _is(credit, "STRAINED"),
        _all(is_broad, _not(is_rising)),
        _all(is_rising, _not(is_broad)),
        _all(_is(growth, "SLOWING"), _is(rates, "FALLING"), _not(is_broad)),
        _is(breadth, "NARROW"),
        True,
    )
    for code, holds in enumerate(rules):
        if holds is not False:
            return UNKNOWN if holds is None else code
    raise AssertionError("the last rule always holds")


def _is(state: str | None, name: str) -> bool | None:
    return None if state is None else state == name


def _not(holds: bool | None) -> bool | None:
    return None if holds is None else not holds


def _all(*holds: bool | None) -> bool | None:
    return False if False in holds else None if None in holds else True


def _spells(codes: CodeArray) -> tuple[CodeArray, IntArray, CodeArray]:
    """Return the state, the length and the following state of each spell; nothing known follows the last."""
    changes = np.flatnonzero(codes[1:] != codes[:-1]) + 1
    first = np.concatenate([np.zeros(min(len(codes), 1), dtype=np.int64), changes])
    states = codes[first]
    followers = np.append(states[1:], np.int8(UNKNOWN))[: len(states)]
    return states, np.diff(first, append=len(codes)), followers


def _median_dwell(states: CodeArray, lengths: IntArray, followers: CodeArray) -> dict[str, float]:
    is_complete = followers != UNKNOWN
    completed = {name: lengths[is_complete & (states == code)] for code, name in enumerate(REGIMES)}
    return {name: float(np.median(spells)) if len(spells) else NAN for name, spells in completed.items()}


def _transitions(states: CodeArray, followers: CodeArray) -> dict[str, int]:
    """Return counts in the order of the names, without those that never happened."""
    both = (states != UNKNOWN) & (followers != UNKNOWN)
    pairs, counts = np.unique(states[both].astype(np.int64) * len(REGIMES) + followers[both], return_counts=True)
    named = [divmod(int(pair), len(REGIMES)) for pair in pairs]
    return {f"{REGIMES[a]} → {REGIMES[b]}": int(n) for (a, b), n in zip(named, counts, strict=True)}
