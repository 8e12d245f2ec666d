"""The weather around a symbol: key statistics, relative strength, rates, credit, growth, breadth, regime, events."""
