"""A process that ingests one bar after the other and says so after each receipt, until it is killed.

Both children of a round write the same two symbols and the same macro series, so that every commit meets the other's.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from made import NOW, day, delivery, macro

from openapex.store import Store


def main(home, first_day, step):
    store = Store(home)
    print("ready", flush=True)
    for number in range(first_day, first_day + 1000 * step, step):
        events = ((day(number), "dividend", 0.1),)
        deliveries = [delivery(name, (1.0,), start=number, actions=events) for name in ("IWM", "SPY")]
        deliveries.append(macro("DGS2", [(day(number), day(number), 4.0)], source="files"))
        print(number, store.ingest(deliveries, now=NOW).version, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
