"""The table of commands: where each is, and the line that lists it. Listing them imports none."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A command: where its function (or, for a group, its app) is, and the line that lists it."""

    place: str
    summary: str


COMMANDS: Mapping[str, Entry] = {
    "demo": Entry(
        place="harness.cli.demo:demo",
        summary="Watch drift stay quiet for a week and catch a silent model swap. No key, no network.",
    ),
    "init": Entry(
        place="harness.cli.init:init", summary="Write a project that runs offline at once. Never overwrites."
    ),
    "doctor": Entry(
        place="harness.cli.doctor:doctor",
        summary="Check keys, prices, encoder, baselines and git before a night does.",
    ),
    "validate": Entry(
        place="harness.cli.validate:validate", summary="Report every error of every file; no call is made."
    ),
    "schema": Entry(place="harness.cli.schema:schema", summary="Print a JSON Schema for editors."),
    "check": Entry(
        place="harness.cli.check:check", summary="Run a suite, compare it with its baseline, exit 1 on drift."
    ),
    "merge": Entry(
        place="harness.cli.merge:merge", summary="Make one run, with one verdict, of all shards of a run."
    ),
    "calibrate": Entry(
        place="harness.cli.calibrate:calibrate",
        summary="Gather nights for a baseline, or promote nights that ran.",
    ),
    "upgrade": Entry(
        place="harness.cli.upgrade:app",
        summary="Compare two models side by side before one takes the other's place.",
    ),
    "review": Entry(
        place="harness.cli.review:review", summary="Show what a run found, and the digest that accepts it."
    ),
    "accept": Entry(
        place="harness.cli.accept:accept",
        summary="Accept a run's behaviour as the new baseline, with a reason.",
    ),
    "baseline": Entry(place="harness.cli.baseline:app", summary="List, show and verify what was accepted."),
    "report": Entry(
        place="harness.cli.report:report",
        summary="Render a run again, or decide it again under another policy.",
    ),
    "history": Entry(
        place="harness.cli.history:app", summary="Show the nights that ran and the incidents among them."
    ),
    "dashboard": Entry(
        place="harness.cli.dashboard:dashboard",
        summary="Write one page over many nights: incidents, trends, budgets.",
    ),
    "metrics": Entry(
        place="harness.cli.metrics:metrics", summary="Hand the last nights over as figures for Prometheus."
    ),
    "mute": Entry(
        place="harness.cli.mute:mute",
        summary="Let an incident fail no night until a date, with a reason.",
    ),
    "status": Entry(
        place="harness.cli.status:status",
        summary="Show the last runs and what is open; exit 3 if a night did not run.",
    ),
    "gate": Entry(
        place="harness.cli.gate:gate",
        summary="Exit 1 while a severe incident is open and not muted, so that promotions pause.",
    ),
    "respond": Entry(
        place="harness.cli.respond:respond",
        summary="Ask again now and say what to do about an incident; or fill in a post-mortem.",
    ),
    "agree": Entry(
        place="harness.cli.agree:agree", summary="Ask two targets the same cases: do they answer alike?"
    ),
    "suite": Entry(
        place="harness.cli.suite:app",
        summary="Say which cases earn their price, and let one replace another.",
    ),
    "push": Entry(place="harness.cli.push:push", summary="Copy runs to a place that several machines share."),
    "fetch": Entry(
        place="harness.cli.fetch:fetch", summary="Bring the runs of other machines into reports/."
    ),
    "prune": Entry(
        place="harness.cli.prune:prune", summary="Thin old run folders; verdicts and the history stay."
    ),
    "judge": Entry(place="harness.cli.judge:app", summary="Measure how far the judge agrees with people."),
    "notify": Entry(
        place="harness.cli.notify:app",
        summary="Tell GitHub what a run found, and a webhook, Slack or mail of incidents, once each.",
    ),
    "compare": Entry(
        place="harness.cli.compare:compare", summary="Compare any two runs or recordings, offline."
    ),
    "simulate": Entry(
        place="harness.cli.simulate:simulate",
        summary="Serve the simulated model on loopback, OpenAI-compatible.",
    ),
}
