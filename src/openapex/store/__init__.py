"""Keep data: bars, actions, headlines, facts and macro series in one Delta table, all as-of, all versioned."""

from openapex.store.reading import Stored, StoredMacro
from openapex.store.receipt import Problem, Receipt, Refused
from openapex.store.store import SourceInfo, Store, StoreInfo, store_home

__all__ = ["Problem", "Receipt", "Refused", "SourceInfo", "Store", "StoreInfo", "Stored", "StoredMacro", "store_home"]
