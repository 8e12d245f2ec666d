"""Get data: the protocol, files, Yahoo and the simulated market.  Sources hold no opinions."""
