"""Run every benchmark, print what was measured, fail when a bar is missed: ``make bench``."""

import sys

from benchmarks import analyze, context, kernels, live, quality, scan, sentiment


def main() -> int:
    """Print each measurement as it is made; return 1 when one misses its bar."""
    missed = 0
    for module in (analyze, context, kernels, live, scan):
        for measured in module.run():
            print(measured, flush=True)
            missed += not measured.holds
    if analyze.SHARED.is_dir():
        missed += sentiment.main() != 0
        missed += quality.main(str(analyze.SHARED / "etf_daily.parquet")) != 0
    else:
        print("no shared market data here: accuracy of sentiment and data quality are not measured", file=sys.stderr)
    if missed:
        print(f"{missed} bar(s) missed", file=sys.stderr)
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
