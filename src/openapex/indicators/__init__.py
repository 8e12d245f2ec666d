"""Numbers from bars: one file per indicator, one definition each, run interpreted, compiled or streamed."""
