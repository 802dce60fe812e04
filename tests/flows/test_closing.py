import asyncio

import pytest

from harness.flows.closing import PATIENCE_S, close_providers
from tests.support.fakes import ManualClock, ScriptedProvider, answered, run_virtually


def provider(**fields: object) -> ScriptedProvider:
    return ScriptedProvider(script=lambda r, a: answered(), **fields)  # type: ignore[arg-type]  # fields by name


def test_every_provider_is_closed_once_though_targets_share_it() -> None:
    shared, other = provider(), provider()
    assert run_virtually(close_providers([shared, other, shared]), ManualClock()) == ()
    assert (shared.closed, other.closed) == (1, 1)


def test_one_that_cannot_be_closed_is_told_and_keeps_no_other_open() -> None:
    broken, sound = provider(close_error=ConnectionResetError("key in here")), provider()
    (said,) = run_virtually(close_providers([broken, sound]), ManualClock())
    assert "ConnectionResetError" in said
    assert "key in here" not in said
    assert sound.closed == 1


@pytest.mark.parametrize("takes_s", [PATIENCE_S + 1, 1e9])
def test_one_that_hangs_is_left_after_a_few_seconds(takes_s: float) -> None:
    clock, hanging, sound = ManualClock(), provider(close_takes_s=takes_s), provider()
    began = clock.monotonic()
    (said,) = run_virtually(close_providers([hanging, sound]), clock)
    assert "left" in said
    assert clock.monotonic() - began == pytest.approx(PATIENCE_S)
    assert sound.closed == 1


def test_one_that_will_not_be_cancelled_either_is_left_all_the_same() -> None:
    clock = ManualClock()

    class Stubborn(ScriptedProvider):
        async def aclose(self) -> None:
            for _ in range(2):
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    continue

    async def closed() -> tuple[str, ...]:
        said = await close_providers([Stubborn(script=lambda r, a: answered())])
        assert clock.monotonic() - began < 2 * PATIENCE_S
        await asyncio.sleep(120)
        return said

    began = clock.monotonic()
    assert len(run_virtually(closed(), clock)) == 1
