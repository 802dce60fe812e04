"""One measurement, in a process of its own. Prints one JSON object.

Usage: python -m bench.work NAME [ARGUMENT …]
"""

import asyncio
import gc
import importlib
import json
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

REQUEST = [{"role": "user", "content": "What is the answer? One short sentence."}]


def peak_mib() -> float:
    """Return the peak resident memory of this process."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024 if sys.platform != "darwin" else peak / 1024**2


async def bounded(count: int, at_once: int, call: Callable[[int], Awaitable[object]]) -> None:
    """Run `call` for every number, `at_once` at a time."""
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            await call(number)

    await asyncio.gather(*(work() for _ in range(at_once)))


def timed(work: Callable[[], object]) -> dict[str, float]:
    """Time `work`: wall and CPU seconds, and the peak memory of the process."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu, "peak_mib": peak_mib()}


def measured(work: Callable[[], Awaitable[object]]) -> Callable[[], Awaitable[dict[str, float]]]:
    """Time `work`: wall and CPU seconds, and the peak memory of the process."""

    async def run() -> dict[str, float]:
        wall, cpu = time.perf_counter(), time.process_time()
        await work()
        return {
            "wall_s": time.perf_counter() - wall,
            "cpu_s": time.process_time() - cpu,
            "peak_mib": peak_mib(),
        }

    return run


async def bare_litellm(port: str, count: str, at_once: str) -> dict[str, float]:
    """Call `litellm.acompletion` with nothing around it."""
    os.environ.update(
        LITELLM_LOCAL_MODEL_COST_MAP="True", LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS="True", LITELLM_LOG="ERROR"
    )
    litellm = importlib.import_module("litellm")
    litellm.suppress_debug_info = True

    async def call(_number: int) -> None:
        await litellm.acompletion(
            model="openai/bench",
            messages=REQUEST,
            api_base=f"http://127.0.0.1:{port}/v1",
            api_key="bench-key",
            max_tokens=64,
            temperature=0,
            num_retries=0,
            max_retries=0,
        )

    await call(0)
    return await measured(lambda: bounded(int(count), int(at_once), call))()


async def bare_aiohttp(port: str, count: str, at_once: str) -> dict[str, float]:
    """Post with aiohttp, read the JSON, and nothing else."""
    import aiohttp

    body = json.dumps({"model": "bench", "messages": REQUEST, "max_tokens": 64, "temperature": 0}).encode()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def call(_number: int) -> None:
            url = f"http://127.0.0.1:{port}/v1/chat/completions"
            async with session.post(url, data=body, headers={"content-type": "application/json"}) as response:
                json.loads(await response.read())

        await call(0)
        return await measured(lambda: bounded(int(count), int(at_once), call))()


async def our_calls(model: str, port: str, cases: str, samples: str, at_once: str) -> dict[str, float]:
    """Make calls as a run makes them: retries, deadlines, budget, journal on disk, garbage collected as seldom."""
    from harness.cli.app import COLLECTED_AFTER
    from harness.core.plan import make_plan
    from harness.core.policy import Limits
    from harness.core.suite import Case, Price, Target
    from harness.edges.environment import SystemClock
    from harness.edges.providers import PROVIDERS, provider_name
    from harness.edges.redaction import Redactor, scrubbed
    from harness.edges.stores.journal import JournalWriter
    from harness.flows.budget import Ledger
    from harness.flows.calls import CallParts, make_calls

    target = Target.model_validate(
        {
            "model": model,
            "params": {"temperature": 0, "max_tokens": 64},
            "api_base": f"http://127.0.0.1:{port}/v1",
            "key_env": "BENCH_KEY",
        }
    )
    environment = {**os.environ, "BENCH_KEY": "bench-key"}
    redactor = Redactor({"BENCH_KEY": "bench-key"})
    make: Any = PROVIDERS.load(provider_name(target))
    provider = make(environment=environment, redactor=redactor, targets=[target])
    await provider.prepare()
    plan = make_plan(
        [
            Case.model_validate(
                {
                    "id": f"case-{n}",
                    "kind": "edge",
                    "why": "A benchmark.",
                    "review_by": "2030-01-01",
                    "messages": REQUEST,
                }
            )
            for n in range(int(cases))
        ],
        {"bench": target},
        samples=int(samples),
    )

    class Silent:
        def started(self, calls: int, note: str) -> None: ...
        def finished_call(self, request: object, completion: object) -> None: ...
        def note(self, text: str) -> None: ...

    gc.freeze()
    gc.set_threshold(*COLLECTED_AFTER)
    with tempfile.TemporaryDirectory() as folder:
        journal = JournalWriter(Path(folder) / "journal.jsonl", redact=redactor.redact_values)
        limits = Limits.model_validate({"concurrency": int(at_once)})
        parts = CallParts(
            providers={"bench": provider},
            journal=journal,
            ledger=Ledger({"bench": Price(input_usd_per_million=0, output_usd_per_million=0)}, 1.0),
            limits=limits,
            clock=SystemClock(),
            jitter=random.Random(1),
            progress=Silent(),
            scrub=lambda completion: scrubbed(completion, redactor),
            seen_response_ids=set(),
        )

        async def work() -> None:
            results = await make_calls(plan.requests, parts, known={}, stop_at=float("inf"))
            failed = [c for c in results.completions.values() if c.type == "failure"]
            assert not failed, failed[0]
            assert len(results.completions) == len(plan.requests)

        figures = await measured(work)()
        journal.close()
    await provider.aclose()
    return figures


def write_project(folder: Path, cases: int, config: str) -> None:
    """Write a project of `cases` cases."""
    (folder / "drift.yaml").write_text(config, encoding="utf-8")
    (folder / "canaries").mkdir()
    for number in range(cases):
        (folder / "canaries" / f"case-{number:05d}.yaml").write_text(
            f"id: case-{number:05d}\nkind: edge\nwhy: A benchmark case.\nreview_by: '2030-01-01'\n"
            f"messages: [{{role: user, content: 'Question number {number}: what is the answer?'}}]\n",
            encoding="utf-8",
        )


def one_decision(cases: str, samples: str, nights: str) -> dict[str, float]:
    """Decide one night of `cases` x `samples` against `nights`."""
    from bench.decision import decide_one_night

    return decide_one_night(cases, samples, nights)


def simulated_calls(count: str) -> dict[str, float]:
    """Make a whole run of `count` calls against the simulator, in process, once imports are done."""
    cases = int(count) // 4
    from harness.cli.running import RunOptions, make_run
    from harness.cli.session import Session
    from harness.wiring import open_workshop

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_project(
            folder,
            cases,
            "version: 1\ntargets:\n  steady: {model: simulated/steady, params: {temperature: 0, max_tokens: 64}}\n"
            "suites:\n  canary: {path: canaries/, targets: [steady], samples: 4}\n",
        )
        session = Session(
            folder=folder,
            config=None,
            env_file=None,
            color="never",
            quiet=True,
            verbose=False,
            json=False,
            no_input=True,
        )
        workshop = open_workshop(folder, None, None)
        workshop.suite("canary")
        options = RunOptions(suite="canary", night="2026-11-01")
        spent = {}

        def whole() -> None:
            start = time.perf_counter()
            workshop.suite("canary")
            spent["suite_s"] = time.perf_counter() - start
            make_run(session, workshop, options)

        return {**timed(whole), **spent}


def history_queries(nights: str) -> dict[str, float]:
    """Ask a history of so many nights of two targets what commands ask it; CPU seconds, the median of a few."""
    from bench.nights import write_history
    from harness.edges.stores.history.sqlite import open_history

    with tempfile.TemporaryDirectory() as name:
        store = open_history(str(write_history(Path(name), int(nights))), str)
        store.nights(last=1)  # what is imported and built only once

        def median(work: Callable[[], object]) -> float:
            return sorted(timed(work)["cpu_s"] for _ in range(5))[2]

        return {
            "year_s": median(store.nights),
            "month_s": median(lambda: store.nights(last=30)),
            "incidents_s": median(store.incidents),
        }


MEASUREMENTS: dict[str, Callable[..., Any]] = {
    "bare_litellm": bare_litellm,
    "bare_aiohttp": bare_aiohttp,
    "our_calls": our_calls,
    "one_decision": one_decision,
    "simulated_calls": simulated_calls,
    "history_queries": history_queries,
}

if __name__ == "__main__":
    found = MEASUREMENTS[sys.argv[1]](*sys.argv[2:])
    print(json.dumps(found if isinstance(found, dict) else asyncio.run(found)))
