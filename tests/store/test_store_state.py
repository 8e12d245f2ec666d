"""The store against a dictionary: any sequence of ingests, read back after each."""

import tempfile
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from made import NOW, day, delivery

from openapex.store import Store

SYMBOL = st.sampled_from(["IWM", "SPY", "^RUT", "NULL"])
SOURCE = st.sampled_from(["files", "yahoo"])
BAR = st.tuples(st.integers(0, 5), st.sampled_from([1.0, 2.0, 3.0]), st.booleans())


class StoreMachine(RuleBasedStateMachine):
    """What is held is the last delivered row of each key, except that provisional never replaces settled."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.store = Store(Path(self.folder.name))
        self.model = {}
        self.versions = {}

    @rule(symbol=SYMBOL, source=SOURCE, rows=st.lists(BAR, max_size=4))
    def ingest(self, symbol, source, rows):
        before = dict(self.model)
        parts = [
            delivery(symbol, (close,), start=n, provisional={n} if early else (), source=source)
            for n, close, early in rows
        ]
        receipt = self.store.ingest(parts, now=NOW)
        for n, close, early in rows:
            held = self.model.get((source, symbol, day(n)))
            if not (early and held and not held[1]):
                self.model[source, symbol, day(n)] = (close, early)
        changed = {key for key in self.model if self.model[key] != before.get(key)}
        assert receipt.n_new == sum(key not in before for key in changed)
        assert receipt.n_revised == sum(key in before for key in changed)
        assert receipt.n_new + receipt.n_revised + receipt.n_unchanged + receipt.n_superseded == len(rows)
        assert (receipt.version == getattr(self, "version", "empty")) == (not changed)
        self.version = receipt.version
        self.versions[receipt.version] = dict(self.model)

    @rule(data=st.data())
    def read_an_old_version(self, data):
        cited = sorted(version for version in self.versions if version != "empty")
        if cited:
            version = data.draw(st.sampled_from(cited))
            assert self._held(version) == self.versions[version]

    @invariant()
    def what_is_held_is_what_the_model_holds(self):
        assert self._held(None) == self.model

    def _held(self, version):
        found = {}
        for source in ("files", "yahoo"):
            for symbol in ("IWM", "SPY", "^RUT", "NULL"):
                stored = self.store.find(symbol, source=source, version=version)
                if stored:
                    rows = stored.bars.select("session", "close", "provisional").iter_rows()
                    found |= {(source, symbol, session): (close, early) for session, close, early in rows}
        return found

    def teardown(self):
        assert self.store.verify() == ()
        self.folder.cleanup()


TestStoreState = StoreMachine.TestCase
TestStoreState.settings = settings(
    max_examples=6, stateful_step_count=8, deadline=None, suppress_health_check=list(HealthCheck)
)
