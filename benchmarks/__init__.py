"""Measurements with bars: each module's `run` yields `Measured`; a missed bar fails the whole run."""
