"""What a symbol's page needs, gathered from wherever it is: a frame, a file, a folder, the store, the simulation."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from openapex.desk.frames import from_frame
from openapex.desk.material import BENCHMARKS, Gathered, gather
from openapex.errors import BadInput, NoData, UnknownSymbol

if TYPE_CHECKING:
    from openapex.context.macro import Series

Columns = Any  # a Polars or pandas frame

Reach: TypeAlias = Literal["benchmarks", "near", "far"]
"""How far to look around: the benchmarks of the key statistics; what one line a topic needs; every companion."""


def gathered(
    symbol: "str | Columns",
    data: "str | Path | Columns | None",
    source: str | None,
    *,
    as_of: date | None,
    offline: bool,
    now: datetime,
    reach: Reach,
) -> Gathered:
    """Gather a symbol and its companions; in capitals, or else as it was written: a file may spell it so.

    Raises
    ------
    NoData
        If nothing is known of the symbol; says what to do.
    BadInput
        If an argument breaks its rule.
    """
    if not isinstance(symbol, str) or not (data is None or isinstance(data, str | Path)):
        if source is not None:
            raise BadInput(f"source is {source!r}, must be absent when a frame is given")
        name = symbol if isinstance(symbol, str) else "FRAME"
        return from_frame(symbol, data, _wanted(name, reach))
    if not symbol.strip():
        raise BadInput("symbol is empty, must be a ticker such as IWM")
    if data is not None and not str(data):
        raise BadInput("data is '', must be a path to a file or folder")
    _refuse_fred(source)
    path = Path(data) if data is not None else None

    def one(name: str, is_offline: bool) -> Gathered | NoData:
        try:
            found = gather(
                name, source=source, data=path, as_of=as_of, offline=is_offline, now=now,
                companions=_wanted(name, reach), series=_needed(reach),
            )  # fmt: skip
        except NoData as error:
            return error
        is_series = found.asked.bars.is_empty() and name in _series()
        return UnknownSymbol(f"{name} has no bars") if is_series else found

    return _answer(symbol, one(symbol.upper(), offline), lambda: one(symbol, True))


def _answer(symbol: str, first: Gathered | NoData, second: Callable[[], Gathered | NoData]) -> Gathered:
    """Return what was found in capitals, else as written; of two errors the one that found the symbol."""
    if isinstance(first, Gathered):
        return first
    other = second() if symbol != symbol.upper() else first
    if isinstance(other, Gathered):
        return other
    if symbol.upper() in _series():
        title = _series()[symbol.upper()].title
        raise UnknownSymbol(f"symbol is {symbol!r}, a macro series ({title}), must be a ticker with bars")
    raise other if isinstance(first, UnknownSymbol) and not isinstance(other, UnknownSymbol) else first


def _needed(reach: Reach) -> tuple[str, ...]:
    """Return the macro series to read."""
    if reach == "benchmarks":
        return ()
    from openapex.context.macro import LINE_SERIES, SERIES

    return LINE_SERIES if reach == "near" else tuple(SERIES)


def _series() -> "Mapping[str, Series]":
    from openapex.context.macro import SERIES  # a score alone does without the room of the context

    return SERIES


def _refuse_fred(source: str | None) -> None:
    if source == "fred":
        raise BadInput("source is 'fred', must be files, yahoo or demo: FRED has macro series, no bars")


def gathered_each(
    symbol: str,
    others: Sequence[str],
    data: "str | Path | Columns | None",
    source: str | None,
    *,
    as_of: date | None,
    offline: bool,
    now: datetime,
) -> Gathered:
    """Gather a symbol with named others, without macro series; an absent one is left out of the result.

    Raises
    ------
    NoData
        If nothing is known of `symbol`.
    """
    if not (data is None or isinstance(data, str | Path)):
        if source is not None:
            raise BadInput(f"source is {source!r}, must be absent when a frame is given")
        return from_frame(symbol, data, others)
    _refuse_fred(source)
    path = Path(data) if data is not None else None
    return gather(symbol, source=source, data=path, as_of=as_of, offline=offline, now=now, companions=others)


def _wanted(symbol: str, reach: Reach) -> tuple[str, ...]:
    if reach == "benchmarks":
        return tuple(name for name in BENCHMARKS if name != symbol)
    from openapex.context.profile import LARGE, SMALL, profile

    about = profile(symbol)
    near = (*BENCHMARKS, about.benchmark, about.rival, SMALL, LARGE)
    names = near if reach == "near" else (*near, *about.companions)
    return tuple(dict.fromkeys(name for name in names if name != symbol))
