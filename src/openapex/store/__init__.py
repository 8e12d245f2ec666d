"""Keep data: bars, actions, headlines and facts in Delta tables, all as-of, all versioned."""
