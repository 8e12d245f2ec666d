"""OpenApex tells what a ticker is doing, why, and whether that has ever meant anything."""
