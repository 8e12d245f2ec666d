"""OpenApex: what is this ticker doing, why, and has that ever meant anything?"""
