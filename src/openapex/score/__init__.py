"""Eight opinions to one number 0–100, its verdict and its contributions; models are TOML data."""
