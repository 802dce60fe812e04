"""Detection: false incidents on quiet nights and power on drifted ones, ours beside the rules in use today."""

import os

# Every worker has one core; numpy's own threads would only get in each other's way.
for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")
