"""Run one command and print its wall time, peak memory and words: ``python -m benchmarks.peers.watched COMMAND ...``.

A process of its own and a small one, because Linux starts a child's peak at what its parent's had been.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Run:
    """A whole process: wall time, processor time of all threads, the most memory held at once, what it printed."""

    seconds: float
    cpu_seconds: float
    peak_gb: float
    printed: str


def watched(command: list[str]) -> Run:
    """Return what one run of `command` took; when it fails, its own words on stderr are shown and an error raised."""
    launcher = [sys.executable, "-m", "benchmarks.peers.watched", *command]
    done = subprocess.run(launcher, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.stderr.write(done.stderr)
        raise subprocess.CalledProcessError(done.returncode, command)
    return Run(**json.loads(done.stdout))


def main() -> None:
    with tempfile.TemporaryFile("w+") as words:
        began = time.perf_counter()
        process = subprocess.Popen(sys.argv[1:], stdout=words)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(process.returncode)
        words.seek(0)
        unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
        run = Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 1e9, words.read())
    print(json.dumps(asdict(run)))


if __name__ == "__main__":
    main()
