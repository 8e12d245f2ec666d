"""Eight opinions 0–100, one file each, with a reason, the numbers behind it and named events."""
