"""When a panel's fault is told, told again, and over."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from firmware.gpio.panel_health import HEAL_SECONDS, REPEAT_SECONDS, PanelHealth


def test_a_lasting_fault_is_told_now_and_then() -> None:
    for began in (0.0, 1000.0):
        health = PanelHealth()
        assert health.failed("lamp", "OSError", began)
        assert not health.failed("lamp", "OSError", began + REPEAT_SECONDS - 0.1)
        assert health.failed("lamp", "OSError", began + REPEAT_SECONDS)
        assert health.failed("lamp", "another one", began + REPEAT_SECONDS)


def test_how_long_is_long() -> None:
    """A minute between two words on one fault; ten seconds of work before it is over."""
    assert (REPEAT_SECONDS, HEAL_SECONDS) == (60.0, 10.0)


def test_a_fault_stands_until_its_own_part_works() -> None:
    health = PanelHealth()
    health.failed("lamp", "OSError", 0.0)
    health.worked("levels")
    assert not health.healed(10 * HEAL_SECONDS)
    health.worked("lamp")
    assert health.healed(10 * HEAL_SECONDS)


def test_a_loose_plug_does_not_flicker() -> None:
    health = PanelHealth()
    health.failed("lamp", "OSError", 100.0)
    health.worked("lamp")
    assert not health.healed(100.0 + HEAL_SECONDS - 0.1)
    assert health.healed(100.0 + HEAL_SECONDS)


def test_the_end_is_told_once_and_the_next_fault_at_once() -> None:
    health = PanelHealth()
    assert not health.healed(1000.0), "nothing was ever wrong"
    health.failed("lamp", "OSError", 0.0)
    health.worked("lamp")
    assert [health.healed(at) for at in (20.0, 30.0)] == [True, False]
    assert health.failed("lamp", "OSError", 31.0)


@given(
    st.lists(
        st.tuples(st.sampled_from(("failed", "worked", "healed")), st.sampled_from("ab")),
        max_size=30,
    )
)
def test_faults_and_ends_alternate(story: list[tuple[str, str]]) -> None:
    """Between two ends there is a report, and no end comes while a part fails."""
    health, failing, open_ = PanelHealth(), set[str](), False
    for at, (what, part) in enumerate(story):
        now = at * HEAL_SECONDS
        if what == "failed":
            told = health.failed(part, part, now)
            assert told or open_
            failing.add(part)
            open_ = True
        elif what == "worked":
            health.worked(part)
            failing.discard(part)
        elif health.healed(now):
            assert open_
            assert not failing
            open_ = False
