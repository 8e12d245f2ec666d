"""The use cases: they wire the pure middle to sources and store, and hold no formulas."""
