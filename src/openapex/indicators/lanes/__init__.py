"""Steps as machine code for a few symbols side by side.

`jobs` says what is asked, `lowering` reads a step's Python and writes it as LLVM code with the operations of `values`,
`kernel` and `live` write the loops over bars and symbols around it, `machine` makes, keeps and loads machine code.
Only `jobs` is imported here: a kernel that lies on disk needs no more of llvmlite than `machine` does.
"""

from openapex.indicators.lanes.jobs import OFF, SPOILED, Job, NotLowered, arguments_of, fields_of, n_ranks

__all__ = ["OFF", "SPOILED", "Job", "NotLowered", "arguments_of", "fields_of", "n_ranks"]
