"""Install torch from a CPU source.

A plain ``pip install torch`` on Linux brings gigabytes of CUDA libraries that an encoder on a CPU never
uses. Where pip's own plan is free of them (macOS, Windows, a CPU wheel in ``--find-links``), pip installs
it; elsewhere uv takes it from PyTorch's CPU index, which uv knows by the name ``cpu``.

Usage: install_torch.py VERSION
"""

import json
import subprocess
import sys
from pathlib import Path


def brings_cuda(requirement: str) -> bool:
    """Say whether pip's plan for `requirement` holds a CUDA package, or cannot be made at all."""
    plan = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--report", "-", requirement],
        capture_output=True,
        text=True,
        check=False,
    )
    if plan.returncode != 0:
        return True
    names = [entry["metadata"]["name"].lower() for entry in json.loads(plan.stdout)["install"]]
    return any(name.startswith(("nvidia-", "cuda-", "triton")) for name in names)


def main() -> int:
    requirement = f"torch=={sys.argv[1]}"
    if brings_cuda(requirement):
        uv = Path(sys.executable).with_name("uv")
        command = [
            str(uv),
            "pip",
            "install",
            "--python",
            sys.executable,
            "--torch-backend",
            "cpu",
            requirement,
        ]
    else:
        command = [sys.executable, "-m", "pip", "install", "--quiet", requirement]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
