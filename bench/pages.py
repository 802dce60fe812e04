"""How long a report takes to write and to look at, how large it is, and whether a large one can still be used.

Each project is asked on the simulator, against a baseline of another model, so that nearly every case has to be
decided and shown. What a page takes to open is measured in a real Chromium, from the disk.
"""

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.work import write_project

CONFIG = """version: 1
targets:
  steady: {{model: simulated/steady, params: {{temperature: 0, max_tokens: 64}}}}
  swapped: {{model: simulated/swapped, params: {{temperature: 0, max_tokens: 64}}, baseline_of: steady}}
  again: {{model: simulated/swapped, params: {{temperature: 0, max_tokens: 64}}, baseline_of: steady}}
suites:
  canary: {{path: canaries/, targets: [{targets}], samples: 3}}
limits: {{max_minutes: 60}}
"""
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
FILTER = """async () => {
  const box = document.querySelector('#q');
  const start = performance.now();
  box.value = 's:changed !k:refusal';
  box.dispatchEvent(new Event('input', {bubbles: true}));
  await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
  return performance.now() - start }"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page, measured."""

    results: int
    render_s: float
    """Of the view and its layout, in a process that has just read the run."""
    command_s: float
    """Of the whole command, from its start."""
    megabytes: float
    paint_ms: float | None
    filter_ms: float | None
    """None without a Chromium."""


def pages() -> Iterator[tuple[str, Page]]:
    """Measure the page of 20 cases and two targets, and one of 2,000 results."""
    yield "20 x 3 x 2", page_of(20, "swapped, again")
    yield "2,000 results", page_of(667, "swapped")


def page_of(cases: int, targets: str) -> Page:
    """Ask, report and open a project of so many cases."""
    with tempfile.TemporaryDirectory() as name:
        write_project(Path(name), cases, CONFIG.format(targets=targets))
        drift = [sys.executable, "-m", "harness", "-q", "-C", name]
        run([*drift, "calibrate", "canary", "--target", "steady", "--nights", "5", "--night", "2026-11-03"])
        run([*drift, "check", "canary", "--night", "2026-11-04"])
        times = []
        for _ in range(3):
            start = time.perf_counter()
            run([*drift, "report", "last"])
            times.append(time.perf_counter() - start)
        run_folder = max(path for path in Path(name, "reports").iterdir() if path.is_dir())
        file = run_folder / "report.html"
        paint, filtered = opened(file)
        return Page(
            results=cases * 3 * (targets.count(",") + 1),
            render_s=float(run([sys.executable, "-m", "bench.pages", str(run_folder)]).split()[-1]),
            command_s=statistics.median(times),
            megabytes=file.stat().st_size / 1e6,
            paint_ms=paint,
            filter_ms=filtered,
        )


def run(command: list[str]) -> str:
    """Run a command to its end and return what it printed; exit codes of a verdict are fine."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1, 3), (command, done.returncode, done.stderr[-2000:])
    return done.stdout


def opened(file: Path) -> tuple[float | None, float | None]:
    """Return the median milliseconds until something is painted, and until a filter is applied."""
    if CHROMIUM is None:
        return None, None
    from playwright.sync_api import sync_playwright

    paints, filters = [], []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(7):
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            page: Any = context.new_page()
            page.goto(file.as_uri())
            paints.append(page.evaluate(PAINT))
            filters.append(page.evaluate(FILTER) if page.locator("#q").count() else None)
            context.close()
        browser.close()
    return _median(paints), _median(filters)


def _median(found: list[float | None]) -> float | None:
    known = [value for value in found if value is not None]
    return statistics.median(known) if known else None


def render_time(folder: Path) -> float:
    """Return the seconds that laying out a run takes, once it is read and decided."""
    from harness.core.decision import decide
    from harness.edges.stores.runs import FileRunStore
    from harness.reporting.html import render

    record = FileRunStore(folder.parent, redact=str).load(folder.name)
    verdict = decide(record)
    start = time.perf_counter()
    render(record, verdict)
    return time.perf_counter() - start


if __name__ == "__main__":
    print(render_time(Path(sys.argv[1])))
