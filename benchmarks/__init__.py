"""monarq and its peers, measured in one run on one Redis: `python -m benchmarks`. Not part of the package."""
