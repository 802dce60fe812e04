"""Manifests of runs, edited by somebody who makes their sums fit: a sum keeps nobody from forging."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.edges.stores.run_files import sealed


def forge(path: Path, *edits: tuple[str, str]) -> None:
    """Replace texts in a manifest, each of which stands there once."""
    held = json.loads(path.read_text(encoding="utf-8"))
    del held["sum"]
    text = json.dumps(held, indent=1, ensure_ascii=False)
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path.write_bytes(sealed(f"{text}\n".encode()))


def rewrite(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change what a manifest holds."""
    held = json.loads(path.read_text(encoding="utf-8"))
    del held["sum"]
    change(held)
    path.write_bytes(sealed(f"{json.dumps(held, indent=1, ensure_ascii=False)}\n".encode()))
