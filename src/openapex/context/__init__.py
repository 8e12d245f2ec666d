"""The weather around a symbol: key statistics; relative strength, rates and regime follow."""
