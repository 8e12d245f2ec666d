"""What others need for raw indicators alone: one script each, run as ``python -m benchmarks.peers.NAME PATH``.

Each reads a Parquet file of daily bars that is sorted by symbol and date (columns symbol, high, low, close, volume),
computes the indicators of `benchmarks.peers.printed.COLUMNS` over every bar of every symbol, and prints the ten symbols
with the highest RSI.  Each is written the way its library is fastest: no peer sorts, checks or repairs anything.
"""
