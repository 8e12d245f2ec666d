"""Measurements with bars: each module's `run` yields `Measured`; a missed bar fails the whole run."""

import os

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed has its byte code: ours, and the peers' scripts
