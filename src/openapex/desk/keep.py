"""Look after the store: what it holds, whether it is sound."""

from collections.abc import Sequence

from openapex.store import Problem, Store, StoreInfo, store_home


def stored_symbols() -> Sequence[str]:
    """Return every symbol in the store, sorted."""
    return Store(store_home()).symbols()


def stored_series() -> Sequence[str]:
    """Return every macro series in the store, sorted."""
    return Store(store_home()).series()


def store_info() -> StoreInfo:
    """Return what the store holds, by source: symbols, bars, macro series and their rows."""
    return Store(store_home()).info()


def store_problems() -> Sequence[Problem]:
    """Check every file and row of the store; empty means sound."""
    return Store(store_home()).verify()
