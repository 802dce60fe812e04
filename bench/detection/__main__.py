"""Run the detection benchmark and print its table.

python -m bench.detection --suites 60 --nights 60 --seed 7 --calls 60 --jobs 2 --json out.json
python -m bench.detection --merge out-1.json out-2.json
"""

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.detection.drifts import DRIFTS
from bench.detection.experiment import BUDGETS, Record, Task, run
from bench.detection.figures import OURS
from bench.detection.rivals import RULES
from bench.detection.streams import WEATHERS
from bench.detection.suites import LAYOUTS, PROFILES
from bench.detection.table import render

MAIN = ("steady", "zero", "one")
"""Profiles that move; `still` is the fourth."""
VERSION = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for, or merge what was run."""
    options = _parser().parse_args(arguments)
    records = _merged(options.merge) if options.merge else _run(_tasks(options), options.jobs)
    if options.json:
        text = json.dumps({"version": VERSION, "records": records}, sort_keys=True)
        Path(options.json).write_text(text + "\n", encoding="utf-8")
    print(render(records))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.detection", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--suites", type=int, default=20, help="suites of each profile and budget")
    parser.add_argument("--nights", type=int, default=60, help="quiet nights of each suite; 0 for none")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first-suite", type=int, default=0, help="number of the first suite, to go on")
    parser.add_argument("--baseline", type=int, default=14, help="baseline nights")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at once")
    parser.add_argument("--json", help="write what was counted here")
    parser.add_argument("--merge", nargs="+", help="print the table of runs written with --json")
    for name, known, default in (
        ("calls", BUDGETS, ("60",)),
        ("profile", PROFILES, MAIN),
        ("weather", WEATHERS, ("plain",)),
        ("layout", LAYOUTS, ("5-4-5-3-3",)),
        ("rules", (OURS, *RULES), (OURS, *RULES)),
        ("drifts", DRIFTS, tuple(DRIFTS)),
    ):
        parser.add_argument(
            f"--{name}",
            type=_choice(name, tuple(known)),
            default=default,
            metavar="A,B",
            help=f"of {', '.join(known)}; or all, none (default: {', '.join(default)})",
        )
    return parser


def _choice(name: str, known: tuple[str, ...]) -> Callable[[str], tuple[str, ...]]:
    def parse(text: str) -> tuple[str, ...]:
        asked = {"all": known, "none": ()}.get(text, tuple(text.split(",")))
        unknown = [one for one in asked if one not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"no {name} {unknown[0]}; there are {', '.join(known)}")
        return asked

    return parse


def _tasks(options: argparse.Namespace) -> list[Task]:
    return [
        Task(
            seed=options.seed,
            suite=suite,
            profile=profile,
            calls=calls,
            weather=weather,
            layout=layout,
            baseline=options.baseline,
            nights=options.nights,
            rules=options.rules,
            drifts=options.drifts,
        )
        for suite in range(options.first_suite, options.first_suite + options.suites)
        for calls in options.calls
        for weather in options.weather
        for layout in options.layout
        for profile in options.profile
    ]


def _run(tasks: Sequence[Task], jobs: int) -> list[Record]:
    start, records = time.monotonic(), []
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        for number, record in enumerate(pool.imap_unordered(run, tasks), 1):
            records.append(record)
            if sys.stderr.isatty():
                print(f"\r{number}/{len(tasks)} {time.monotonic() - start:.0f} s ", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    return sorted(records, key=_key)


def _merged(paths: Sequence[str]) -> list[Record]:
    found: dict[tuple[object, ...], Record] = {}
    for path in paths:
        written = json.loads(Path(path).read_text(encoding="utf-8"))
        if written.get("version") != VERSION:
            raise SystemExit(f"{path}: version {written.get('version')}, not {VERSION}; run it again")
        for record in written["records"]:
            if _key(record) in found:
                raise SystemExit(f"{path}: suite {_key(record)} is in another file too; use another --seed")
            found[_key(record)] = record
    return [found[key] for key in sorted(found)]


def _key(record: Record) -> tuple[object, ...]:
    names = ("calls", "weather", "layout", "baseline", "profile", "seed", "suite")
    return tuple(record[name] for name in names)


if __name__ == "__main__":
    sys.exit(main())
