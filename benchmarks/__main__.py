"""Run every benchmark, print what was measured, fail when a bar is missed: ``make bench``."""

import sys

from benchmarks import analyze, kernels


def main() -> int:
    """Print each measurement as it is made; return 1 when one misses its bar."""
    missed = 0
    for module in (analyze, kernels):
        for measured in module.run():
            print(measured, flush=True)
            missed += not measured.holds
    if missed:
        print(f"{missed} bar(s) missed", file=sys.stderr)
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
