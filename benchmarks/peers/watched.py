"""Run one command and print its wall time and peak memory: ``python -m benchmarks.peers.watched COMMAND ...``.

A process of its own and a small one, because Linux starts a child's peak at what its parent's had been.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Run:
    """A whole process: wall time, and the most memory it held at once."""

    seconds: float
    peak_gb: float


def watched(command: list[str]) -> Run:
    """Return what one run of `command` took; its output is dropped, its failure is an error."""
    launcher = [sys.executable, "-m", "benchmarks.peers.watched", *command]
    done = subprocess.run(launcher, check=True, capture_output=True, text=True)
    return Run(**json.loads(done.stdout))


def main() -> None:
    began = time.perf_counter()
    process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(process.returncode)
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    print(json.dumps({"seconds": seconds, "peak_gb": usage.ru_maxrss * unit / 1e9}))


if __name__ == "__main__":
    main()
