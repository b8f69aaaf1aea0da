"""Which bundle is written, and what is said of each that is not: by table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appliance.language import LANGUAGES, translator
from appliance.update.decide import (
    SENTENCES,
    Bundle,
    Ending,
    Finding,
    System,
    found,
    judge,
    of_rauc,
)

US = System(compatible="card-1", state_format=5, installed="run", taken_back=frozenset({"back"}))
GOOD = Bundle(
    name="a.raucb", identity="new", compatible="card-1", version="2", build="state-format=5"
)
TORN = replace(GOOD, name="t.raucb", identity="t", wrong=found(Ending.TORN, name="t.raucb"))
FOREIGN = replace(GOOD, name="f.raucb", identity="f", compatible="card-2")


@pytest.mark.parametrize(
    ("bundles", "system", "ending"),
    [
        ([GOOD], US, None),
        ([replace(GOOD, version="0.0.1")], US, None),  # the form counts, not the number
        ([replace(GOOD, build="state-format=4")], US, None),
        ([replace(GOOD, build="state-format=6")], US, None),
        ([replace(GOOD, build="state-format=3")], US, Ending.TOO_OLD),
        ([replace(GOOD, build="state-format=7")], US, Ending.TOO_NEW),
        ([replace(GOOD, build="")], US, Ending.NO_FORMAT),
        ([replace(GOOD, build="state-format=-5")], US, Ending.NO_FORMAT),
        ([replace(GOOD, build="state-format=5 ")], US, Ending.NO_FORMAT),
        ([replace(GOOD, build="state-format=99999999")], US, Ending.NO_FORMAT),
        ([FOREIGN], US, Ending.OTHER_MACHINE),
        ([FOREIGN, GOOD], US, None),
        ([TORN], US, Ending.TORN),
        ([TORN, GOOD], US, None),
        ([TORN, FOREIGN], US, Ending.TORN),
        ([GOOD, replace(GOOD, name="b.raucb", identity="b")], US, Ending.SEVERAL),
        ([replace(GOOD, identity="run")], US, Ending.SAME),
        ([replace(GOOD, identity="run"), replace(GOOD, identity="b")], US, Ending.SAME),
        ([replace(GOOD, identity="run")], replace(US, on_trial=True), Ending.SAME),
        ([replace(GOOD, identity="back")], US, Ending.TRIED),
        ([replace(GOOD, identity="back")], replace(US, taken_back=frozenset()), None),
        ([GOOD], replace(US, on_trial=True), Ending.ON_TRIAL),
        ([GOOD], replace(US, installed=""), None),
        # A card as it was flashed has installed nothing: what has no identity is not it.
        ([replace(GOOD, identity="", wrong=found(Ending.TORN))], replace(US, installed=""),
         Ending.TORN),
    ],
)  # fmt: skip
def test_which_is_written(bundles: list[Bundle], system: System, ending: Ending | None) -> None:
    verdict = judge(bundles, system)
    if ending is None:
        assert isinstance(verdict, Bundle)
        assert verdict.wrong is None
        assert verdict.compatible == system.compatible
    else:
        assert isinstance(verdict, Finding)
        assert verdict.ending is ending
        for language in LANGUAGES:
            if ending is not Ending.TORN:
                assert translator(language)(verdict.message)


# What rauc 1.8 printed (tests/process/test_update_process.py makes it print most of it again).
@pytest.mark.parametrize(
    ("said", "ending"),
    [
        ("Invalid bundle format: Signature size (3471466880) exceeds bundle size", Ending.TORN),
        ("Invalid bundle format: Signature size is 0", Ending.TORN),
        ("Invalid bundle format: Failed to seek to end of bundle: Invalid argument", Ending.TORN),
        ("error:1700006D:CMS routines:CMS_verify:content verify error:../crypto/cms", Ending.TORN),
        ("signature verification failed: Verify error: self-signed certificate", Ending.UNSIGNED),
        ("Verify error: unable to get local issuer certificate", Ending.UNSIGNED),
        ("Verify error: certificate is not yet valid", Ending.NOT_YET_VALID),
        ("Verify error: certificate has expired", Ending.NOT_YET_VALID),
        ("Slot has insufficient size: image too large", Ending.NO_ROOM),
        ("Failed updating slot rootfs.1: write: No space left on device", Ending.NO_ROOM),
        ("Bundle compatible 'x' does not match system compatible", Ending.OTHER_MACHINE),
        ("LastError: Failed mounting bundle: Failed to open /dev/mapper", Ending.INTERRUPTED),
        ("", Ending.INTERRUPTED),
    ],
)
def test_the_words_of_rauc(said: str, ending: Ending) -> None:
    otherwise = Ending.INTERRUPTED
    if "Failed to open" in said:
        # The same words stand for a stick that was pulled out: it is copied, or plugged in, again.
        assert of_rauc(said, "a", otherwise=otherwise).ending in (ending, Ending.TORN)
    else:
        assert of_rauc(said, "a", otherwise=otherwise).ending is ending


def test_every_ending_has_a_sentence_and_a_lamp() -> None:
    assert set(SENTENCES) == set(Ending)
    assert {one.lamp for one in Ending} == {"", "holds", "refused", "taken_back"}
    assert [one for one in Ending if one.lamp == ""] == [Ending.SAME]


@pytest.mark.parametrize(
    ("bundle", "values"),
    [
        (replace(GOOD, build="state-format=3"), {"name": "a.raucb", "theirs": "3", "ours": "5"}),
        (replace(GOOD, build="state-format=7"), {"name": "a.raucb", "theirs": "7", "ours": "5"}),
        (FOREIGN, {"name": "f.raucb", "theirs": "card-2", "ours": "card-1"}),
        (replace(GOOD, build=""), {"name": "a.raucb"}),
        (replace(GOOD, identity="back"), {"name": "a.raucb"}),
        (TORN, {"name": "t.raucb"}),
    ],
)
def test_what_a_sentence_needs_is_found_with_it(bundle: Bundle, values: dict[str, str]) -> None:
    verdict = judge([bundle], US)
    assert isinstance(verdict, Finding)
    assert dict(verdict.values) == values


def test_several_are_named_in_order_and_the_first_fault_of_many_is_told() -> None:
    other = replace(GOOD, name="0.raucb", identity="b")
    verdict = judge([GOOD, other], US)
    assert isinstance(verdict, Finding)
    assert dict(verdict.values) == {"name": "0.raucb, a.raucb"}
    second = replace(TORN, name="u.raucb", identity="u", wrong=found(Ending.NO_ROOM))
    assert judge([TORN, second], US) == TORN.wrong
    assert judge([FOREIGN, second], US) == second.wrong
    assert System(compatible="c", state_format=1).on_trial is False


@pytest.mark.parametrize(
    ("build", "form"),
    [
        ("state-format=0", 0),
        ("state-format=5", 5),
        ("state-format=9999", 9999),
        ("state-format=10000", None),
        ("state-format=", None),
        ("x state-format=5", None),
    ],
)
def test_the_form_of_the_state_is_read_from_the_build(build: str, form: int | None) -> None:
    assert replace(GOOD, build=build).state_format == form


def test_the_end_of_what_rauc_said_is_kept() -> None:
    said = f"{'x' * 200} \n signature   wrong"
    finding = of_rauc(said, "a", otherwise=Ending.INTERRUPTED)
    reason = f"{'x' * 144} signature wrong"
    assert len(reason) == 160
    assert finding == found(Ending.UNSIGNED, name="a", reason=reason)
    assert of_rauc("odd", "a", otherwise=Ending.NO_ROOM) == found(
        Ending.NO_ROOM, name="a", reason="odd"
    )
    assert of_rauc("Compatible", "a", otherwise=Ending.NO_ROOM) == found(
        Ending.OTHER_MACHINE, name="a", theirs="Compatible", ours=""
    )
