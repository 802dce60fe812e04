"""Make the pictures of the report in docs/screenshots: real runs by the real command, opened in a real Chromium.

Usage: python scripts/screenshots.py [STATE …]    with any of: learning quiet drift inconclusive pull-request upgrade dashboard
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "screenshots"
WIDTH, TALLEST = 1280, 1500
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
IN_THE_DARK = ("drift",)
CONFIG = """version: 1
targets:
  hosted:
    model: simulated/steady
    params: {temperature: 0, max_tokens: 512}
    options: {drift: {kind: refusal, size: 0.35, start: "2026-11-21"}}
  spare:
    model: simulated/steady
    params: {temperature: 0, max_tokens: 512}
    options: {seed: 3, faults: {kind: "503", rate: 0.9, start: "2026-11-21"}}
  assistant:
    model: simulated/steady
    params: {temperature: 0, max_tokens: 512}
  next:
    model: simulated/swapped
    params: {temperature: 0, max_tokens: 512}
encoder: {name: hashed}
suites:
  canary: {path: canaries/, targets: [hosted, spare], samples: 3}
  golden: {path: golden/, targets: [assistant], samples: 3, escalate_to: 8, affects: ["prompts/**"]}
"""
REASON = "Fourteen quiet nights, looked at one by one."


class Project:
    """A project in a folder of its own, with a history of nights."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("canaries", "golden", "prompts"):
            shutil.copytree(ROOT / name, folder / name)
        (folder / "drift.yaml").write_text(CONFIG, encoding="utf-8")
        (folder / ".gitignore").write_text("reports/\n.drift/\n", encoding="utf-8")
        self.git("init", "--quiet", "-b", "main")
        self.git("config", "user.name", "Maintainer")
        self.git("config", "user.email", "maintainer@drift.invalid")

    def git(self, *arguments: str) -> None:
        """Run git."""
        subprocess.run(["git", *arguments], cwd=self.folder, check=True, capture_output=True)

    def commit(self, message: str) -> None:
        """Commit all that there is."""
        self.git("add", "-A")
        self.git("commit", "--quiet", "-m", message)

    def drift(self, *arguments: str) -> Path:
        """Run drift and return the page of its run."""
        done = subprocess.run(
            [sys.executable, "-m", "harness", "-q", *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode not in (0, 1, 3):
            raise SystemExit(f"drift {' '.join(arguments)}: exit {done.returncode}\n{done.stderr}")
        return max((self.folder / "reports").glob("*/report.html"), key=lambda path: path.stat().st_mtime_ns)

    def night(self, day: int, *arguments: str) -> Path:
        """Run one night of November."""
        return self.drift("check", "canary", "--scheduled", "--night", f"2026-11-{day:02d}", *arguments)


def learning(project: Project) -> Path:
    """Three nights, and nothing accepted yet."""
    for day in (1, 2, 3):
        page = project.night(day)
    return page


def quiet(project: Project) -> Path:
    """Fourteen nights, accepted, and some quiet ones after them."""
    for day in range(4, 15):
        project.night(day)
    for target in ("hosted", "spare"):
        project.drift("calibrate", "canary", "--target", target, "--from-runs", "last:14", "--reason", REASON)
    for day in range(15, 21):
        page = project.night(day)
    return page


def drift(project: Project) -> Path:
    """The night on which a model declines more often."""
    return project.night(21, "--target", "hosted")


def inconclusive(project: Project) -> Path:
    """The night on which a provider is down."""
    return project.night(21, "--target", "spare")


def pull_request(project: Project) -> Path:
    """A pull request that takes a rule out of a prompt."""
    project.drift("calibrate", "golden", "--samples", "12", "--night", "2026-11-05", "--reason", REASON)
    project.commit("A support assistant, its tasks, and what was accepted of them.")
    project.git("checkout", "--quiet", "-b", "shorter")
    prompt = project.folder / "prompts" / "support.md"
    kept = [
        line for line in prompt.read_text("utf-8").splitlines(keepends=True) if "no exceptions" not in line
    ]
    prompt.write_text("".join(kept), encoding="utf-8")
    project.commit("A shorter list of rules.")
    return project.drift("check", "golden", "--since", "main")


def upgrade(project: Project) -> Path:
    """Two models, side by side."""
    return project.drift("upgrade", "--from", "assistant", "--to", "next")


def dashboard(project: Project) -> Path:
    """All nights so far on one page, and the incident that is open."""
    page = project.folder / "reports" / "dashboard.html"
    project.drift("dashboard", "--out", str(page))
    return page


STATES: dict[str, Callable[[Project], Path]] = {
    "learning": learning,
    "quiet": quiet,
    "drift": drift,
    "inconclusive": inconclusive,
    "pull-request": pull_request,
    "upgrade": upgrade,
    "dashboard": dashboard,
}
"""In the order in which they happen: each goes on with what the one before it left."""


def photograph(pages: dict[str, Path]) -> None:
    """Open every page and keep its top."""
    from playwright.sync_api import sync_playwright

    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for name, page in pages.items():
            for scheme in ("light", "dark") if name in IN_THE_DARK else ("light",):
                context = browser.new_context(viewport={"width": WIDTH, "height": 900}, color_scheme=scheme)
                tab = context.new_page()
                tab.goto(page.as_uri())
                height = min(tab.evaluate("document.documentElement.scrollHeight"), TALLEST)
                tab.set_viewport_size({"width": WIDTH, "height": height})
                tab.screenshot(path=FOLDER / f"{name}-{scheme}.png")
                context.close()
        browser.close()


def main() -> int:
    """Make the runs up to the last state that is asked for, and the pictures of those asked for."""
    wanted = sys.argv[1:] or [*STATES]
    if unknown := set(wanted) - STATES.keys():
        raise SystemExit(f"no such state: {', '.join(sorted(unknown))}; there are {', '.join(STATES)}")
    if CHROMIUM is None:
        raise SystemExit("no Chromium on the path; on Debian: apt-get install chromium")
    with tempfile.TemporaryDirectory(prefix="drift-screenshots-") as name:
        project = Project(Path(name))
        pages: dict[str, Path] = {}
        for state in [*STATES][: max([*STATES].index(one) for one in wanted) + 1]:
            kept = Path(name) / f"{state}.html"
            shutil.copy(STATES[state](project), kept)
            pages[state] = kept
            print(f"{state}: asked", flush=True)
        photograph({state: pages[state] for state in wanted})
    return 0


if __name__ == "__main__":
    sys.exit(main())
