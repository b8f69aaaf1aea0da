"""The family table: who is who, and what each family's notices mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware.at.command import make_command
from firmware.families import FAMILIES, identify
from firmware.families.base import (
    Family,
    Reading,
    Rung,
    SerialAudio,
    Sign,
    UsbIdentity,
    talk_seconds,
)
from firmware.families.quectel import xor_of_words

TRANSCRIPTS = Path(__file__).parents[2] / "transcripts"


@pytest.mark.parametrize(
    ("cgmi", "cgmm", "family"),
    [
        ("SIMCOM INCORPORATED", "SIMCOM_SIM7600G-H", "sim7600"),
        ("SIMCOM INCORPORATED", "SIMCOM_SIM7600E-H", "sim7600"),
        ("SIMCOM INCORPORATED", "SIM7500E", "sim7600"),
        ("Manufacturer: INCORPORATED", "Model: A7670E-FASE", "a76xx"),
        ("SIMCOM_Ltd", "A7672SA", "a76xx"),
        ("SIMCOM_Ltd", "SIMCOM_SIM800L", "sim800"),
        ("SIMCOM_Ltd", "SIMCOM_SIM900", "sim800"),
        ("Quectel", "EC25", "quectel"),
        ("Quectel", "EG25", "quectel"),
        ("Quectel", "EG95", "quectel"),
        ("huawei", "E1550", "huawei"),
        ("QUALCOMM INCORPORATED", "E1750", "huawei"),
        ("huawei", "K3715", "huawei"),
        # SIM7670G has no voice and must not pass for a SIM7600.
        ("SIMCOM", "SIM7070G", "generic"),
        ("ZTE CORPORATION", "K3565-Z", "zte"),
        ("ZTE INCORPORATED", "MF110", "zte"),
        ("Option N.V.", "GTM382", "option"),
        ("Optional", "X", "generic"),
        (" WAVECOM MODEM", " MULTIBAND  900E  1800", "wavecom"),
        ("QUALCOMM INCORPORATED", "MDM9600", "generic"),
        ("", "", "generic"),
        # One of the answers was lost, or is somebody else's: names that only one maker gives.
        ("", "SIMCOM_SIM7600G-H", "sim7600"),
        ("ERR", "SIM7600E", "sim7600"),
        ("QUALCOMM INCORPORATED", "SIMCOM_SIM7600E-H", "sim7600"),
        ("", "A7670E-FASE", "a76xx"),
        ("", "SIM800L", "sim800"),
        ("", "EC25", "quectel"),
        ("", "E1550", "huawei"),
        ("Somebody else", "E1550", "generic"),
        ("ZTE CORPORATION", "", "zte"),
        ("SIMCOM INCORPORATED", "", "generic"),
    ],
)
def test_identify(cgmi: str, cgmm: str, family: str) -> None:
    assert identify(cgmi, cgmm).name == family


@pytest.mark.parametrize(
    ("maker", "model", "lines", "family"),
    [
        (
            "",
            "",
            "Manufacturer: SIMCOM INCORPORATED|Model: SIM7600G-H|Revision: x",
            "sim7600",
        ),
        ("SIMCOM INCORPORATED", "", "Model: SIM7600", "sim7600"),
        ("", "", "Quectel|EC25|Revision: EC25EFAR06A05M4G", "quectel"),
        ("", "", "Manufacturer: huawei|Model: E1550|+GCAP: +CGSM,+DS,+ES", "huawei"),
        ("", "", "SIM800 R14.18", "sim800"),
        ("", "", "ACME|V.250 modem", "generic"),
        # The firmware alone.
        ("", "", "+CGMR: LE20B04SIM7600G22", "sim7600"),
        ("", "", "SIM7600M22_V2.0", "sim7600"),
        ("", "", "+CGMR: A7670M6_V1.11.1", "a76xx"),
        ("", "", "A011B09A7670M7", "a76xx"),
        ("", "", "Revision:1418B05SIM800L24", "sim800"),
        ("", "", "EC25EFAR06A06M4G", "quectel"),
        ("", "", "11.608.14.15.00", "generic"),
        # Late answers count for the question before.
        ("SIMCOM_SIM7600G-H", "SIMCOM INCORPORATED", "", "sim7600"),
        ("EC25", "Quectel", "", "quectel"),
        ("E1550", "huawei", "", "huawei"),
        ("", "ZTE INCORPORATED", "", "zte"),
        ("MF110", "ZTE CORPORATION", "", "zte"),
        ("SIM7070G", "SIMCOM", "", "generic"),
        ("", "", "", "generic"),
    ],
)
def test_ati_counts_where_the_others_gave_no_answer(
    maker: str, model: str, lines: str, family: str
) -> None:
    assert identify(maker, model, lines.split("|")).name == family


def read(family: str, line: str) -> Reading | None:
    return FAMILIES[family].read(line)


@pytest.mark.parametrize(
    ("family", "line", "sign"),
    [
        ("sim7600", "VOICE CALL: BEGIN", Sign.ANSWERED),
        ("sim7600", "VOICE CALL: END: 000034", Sign.ENDED),
        ("sim7600", "VOICE CALL:END: 000017", Sign.ENDED),
        ("sim7600", "VOICE CALL: END", Sign.ENDED),
        ("sim7600", "VOICE CALL: END:", Sign.ENDED),
        ("sim7600", "NO CARRIER", Sign.ENDED),
        ("sim7600", "NO DIALTONE", Sign.NO_NETWORK),
        ("sim7600", "+CRING: VOICE", Sign.INCOMING),
        ("sim7600", "MISSED_CALL: 11:01AM 07712345678", Sign.NOISE),
        ("sim7600", '+CMTI: "SM",2', Sign.SMS),
        ("sim7600", "+CREG: 1", Sign.REGISTRATION),
        ("sim7600", '+CEREG: 1,"775C","0711C",7', Sign.REGISTRATION),
        ("sim7600", "+CPIN: NOT INSERTED", Sign.SIM_MISSING),
        ("sim7600", "RDY", Sign.BOOT),
        ("a76xx", "*ATREADY: 1", Sign.BOOT),
        ("a76xx", "+AUDIOSTATE: audio play stop", Sign.PLAY_ENDED),
        ("sim800", "MO RING", Sign.ALERTING),
        ("sim800", "MO CONNECTED", Sign.ANSWERED),
        ("sim800", "UNDER-VOLTAGE WARNNING", Sign.POWER_LOW),
        ("sim800", "NORMAL POWER DOWN", Sign.POWER_DOWN),
        ("quectel", "^DSCI: 1,0,2,0,10086,129,0", Sign.DIALLING),
        ("quectel", "^DSCI: 1,0,7,0,10086,129,0", Sign.ALERTING),
        ("quectel", "^DSCI: 1,0,3,0,10086,129,0", Sign.ANSWERED),
        ("quectel", "^DSCI: 1,0,1,0,10086,129,0", Sign.HELD),
        ("quectel", "^DSCI: 1,0,6,0,10086,129,0", Sign.ENDED),
        ("quectel", '+QIND: "ccinfo",2,0,3,0,0,"10086",129', Sign.ALERTING),
        ("quectel", '+QIND: "ccinfo",2,0,-1,0,0,"10086",129', Sign.ENDED),
        ("quectel", "+QPCMV: 0,0", Sign.FLOW_STOP),
        ("quectel", "+QPCMV: 1", Sign.FLOW_GO),
        ("quectel", "+QSIMSTAT: 1,0", Sign.SIM_MISSING),
        ("quectel", "+QSIMSTAT: 1,1", Sign.NOISE),
        ("huawei", "^ORIG:1,0", Sign.DIALLING),
        ("huawei", "^CONF: 1", Sign.ALERTING),
        ("huawei", "^CONF:1,0", Sign.ALERTING),
        ("huawei", "^CONN:1,0", Sign.ANSWERED),
        ("huawei", "^CEND:1,12,29", Sign.ENDED),
        ("huawei", "^RSSI:19", Sign.NOISE),
        ("generic", "HANGUP: 1", Sign.ENDED),
        ("generic", "+WIND: 5,1", Sign.DIALLING),
        ("generic", "+WIND: 6,1", Sign.ENDED),
        ("generic", "+WIND: 13", Sign.NOISE),
    ],
)
def test_meaning(family: str, line: str, sign: Sign) -> None:
    reading = read(family, line)
    assert reading is not None
    assert reading.sign is sign


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("line", ["BUSY TONE", "xNO CARRIER", "RINGING", "VOICE CALL", "", "OK"])
def test_lookalikes_mean_nothing(family: str, line: str) -> None:
    assert read(family, line) is None


@pytest.mark.parametrize(
    ("family", "line", "key"),
    [
        ("sim7600", "+RXDTMF: 1", "1"),
        ("sim7600", "+RXDTMF:#", "#"),
        ("sim800", "+DTMF:1", "1"),
        ("sim800", "+DTMF: *,200", "*"),
        ("quectel", "+QTONEDET: 49", "1"),
        ("quectel", "+QTONEDET: 57", "9"),
        ("quectel", "+QTONEDET: 68", "D"),
        ("quectel", "+QTONEDET: 42", "*"),
        ("huawei", "^DDTMF: 5", "5"),
    ],
)
def test_keys(family: str, line: str, key: str) -> None:
    reading = read(family, line)
    assert reading is not None
    assert (reading.sign, reading.fields["key"]) == (Sign.KEY, key)


@pytest.mark.parametrize("line", ["+QTONEDET: 10", "+QTONEDET: 120", "+QTONEDET: 999"])
def test_codes_that_are_no_keys(line: str) -> None:
    reading = read("quectel", line)
    assert reading is not None
    assert reading.sign is Sign.NOISE


@pytest.mark.parametrize(
    ("family", "line", "left"),
    [
        ("sim7600", "+SPIC: 3,10,0,10", "3"),
        ("a76xx", "+SPIC: 2,10,0,10", "2"),
        ("quectel", '+QPINC: "SC",3,10', "3"),
        ("huawei", "^CPIN: SIM PIN,3,10,3,10,3", "3"),
        ("generic", "+CPINR: SIM PIN,3,3", "3"),
    ],
)
def test_pin_counters(family: str, line: str, left: str) -> None:
    counter = FAMILIES[family].pin_counter
    assert counter is not None
    found = counter.pattern.fullmatch(line)
    assert found is not None
    assert found["left"] == left


@pytest.mark.parametrize("line", ['+QPINC: "P2",3,10', "^CPIN: READY,,10,3,10,0", "+SPIC: x"])
def test_other_counters_are_not_the_pins(line: str) -> None:
    for family in FAMILIES.values():
        assert family.pin_counter is not None
        assert family.pin_counter.pattern.fullmatch(line) is None


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.name)
def test_every_row_is_complete_and_sendable(family: Family) -> None:
    """Each command passes the port's own check; each family can hang up, be reset and be asked."""
    commands = [
        *(step.command for step in (*family.bring_up, *family.before_call)),
        *(rung.command for rung in (*family.hang_up, *family.last_resort)),
        *family.card_id,
        *family.registration,
        *family.network_time.enable,
        family.network_time.query,
        family.reset,
        family.end_cause,
    ]
    if family.audio is not None:
        commands += [*family.audio.start, *family.audio.stop]
    for command in commands:
        assert make_command(command, timeout=1.0).text == command
    assert make_command(family.dial.format(number="+33639980001"), timeout=1.0, dial=True).call
    assert all(step.reason for step in family.bring_up)
    assert {"AT+CHUP", "ATH"} <= {rung.command for rung in family.hang_up}


def test_the_modem_lines_of_every_transcript_mean_something_or_nothing() -> None:
    """Real sessions: no family may trip over any line, and calls must show in the right one."""
    lines = [
        line[2:]
        for file in sorted(TRANSCRIPTS.glob("T*.txt"))
        for line in file.read_text(encoding="utf-8").splitlines()
        if line.startswith("< ")
    ]
    assert len(lines) > 50
    for family in FAMILIES.values():
        for line in lines:
            family.read(line)
    told = [read("sim7600", line) for line in lines if line.startswith("VOICE CALL")]
    assert told
    assert all(r is not None and r.sign in (Sign.ANSWERED, Sign.ENDED) for r in told)


@pytest.mark.parametrize(
    ("family", "dial", "sim_state", "boot"),
    [
        # ATD has no result until the far end answers: the call list is asked soon.
        ("wavecom", 3.0, 1.5, 30.0),
        ("zte", 3.0, 5.0, 30.0),
        # LTE modules that fall back to 2G or 3G for a call are slow with their OK.
        ("sim7600", 10.0, 5.0, 45.0),
        ("a76xx", 10.0, 5.0, 45.0),
        ("quectel", 10.0, 5.0, 40.0),
        ("generic", 15.0, 5.0, 30.0),
        ("huawei", 8.0, 5.0, 30.0),
        ("sim800", 8.0, 5.0, 30.0),
    ],
)
def test_how_long_a_family_is_waited_for(
    family: str, dial: float, sim_state: float, boot: float
) -> None:
    timing = FAMILIES[family].timing
    assert (timing.dial, timing.sim_state, timing.boot) == (dial, sim_state, boot)


@pytest.mark.parametrize(
    ("family", "vendor", "product", "ports"),
    [
        # The interfaces of AT, of the spare AT port and of the sound.
        ("sim7600", 0x1E0E, 0x9001, (2, 3, 4)),
        ("quectel", 0x2C7C, 0x0125, (2, 3, 1)),
        ("quectel", 0x2C7C, 0x0121, (2, 3, 1)),
        ("quectel", 0x2C7C, 0x0191, (2, 3, 1)),
        ("quectel", 0x2C7C, 0x0195, (2, 3, 1)),
        ("quectel", 0x2C7C, 0x0512, (2, 3, 1)),
        ("huawei", 0x12D1, 0x1001, (2, None, 1)),
        ("huawei", 0x12D1, 0x140C, (3, None, 2)),
        ("huawei", 0x12D1, 0x14AC, (4, None, 3)),
        ("huawei", 0x12D1, 0x1436, (4, None, 3)),
        ("huawei", 0x12D1, 0x1506, (3, None, 2)),
    ],
)
def test_which_interface_of_a_stick_carries_what(
    family: str, vendor: int, product: int, ports: tuple[int | None, ...]
) -> None:
    (found,) = [
        one for one in FAMILIES[family].usb if (one.vendor, one.product) == (vendor, product)
    ]
    assert (found.at, found.spare_at, found.audio) == ports


LADDERS: dict[str, list[tuple[str, float, float]]] = {
    "a76xx": [
        ("AT+CHUP", 4.0, 0.0),
        ("ATH", 5.0, 0.0),
        ("AT+CCMXSTOP", 3.0, 0.0),
        ("AT+CHUP", 9.0, 0.3),
    ],
    "huawei": [("AT+CHUP", 4.0, 0.0), ("AT+CHUP", 9.0, 0.5), ("ATH", 5.0, 0.0)],
    "sim800": [("ATH", 5.0, 0.0), ("AT+CHUP", 5.0, 0.0), ("ATH", 5.0, 0.3)],
}
STANDARD = [("AT+CHUP", 4.0, 0.0), ("ATH", 5.0, 0.0), ("AT+CHUP", 9.0, 0.3)]
LONGEST_LADDER = 21.3
"""Seconds: of the A76xx, which has to stop a clip between two hang-ups."""


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.name)
def test_how_long_each_hang_up_is_waited_for(family: Family) -> None:
    """A person hears the line while it lasts: no rung may become longer unseen."""
    ladder = [(rung.command, rung.timeout, rung.settle) for rung in family.hang_up]
    assert ladder == LADDERS.get(family.name, STANDARD)
    assert sum(timeout + settle for _, timeout, settle in ladder) <= LONGEST_LADDER


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.name)
def test_which_modules_are_reset_after_a_refused_voice(family: Family) -> None:
    """A reset takes a line out of service for half a minute: only where bad audio follows."""
    audio = family.audio
    resets = isinstance(audio, SerialAudio) and audio.resets_after_refusal
    assert resets is (family.name == "sim7600")


KEYS_HEARD = {"sim7600", "sim800", "quectel", "huawei"}
"""Modules that tell keys by themselves: +RXDTMF, +DTMF, +QTONEDET, ^DDTMF."""
UNIQUE_NAMES = {"sim7600", "a76xx", "sim800", "quectel"}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.name)
def test_what_a_family_can_and_what_its_answers_are_worth(family: Family) -> None:
    assert family.module_keys is (family.name in KEYS_HEARD)
    assert family.models_suffice is (family.name in UNIQUE_NAMES)
    # A7672SA with early media: the answer is told at ringback.
    assert family.weak_answer is (family.name == "a76xx")
    # AT+QLTS=1 tells UTC with the zone beside it; +CCLK and ^NWTIME tell local time.
    assert family.network_time.utc is (family.name == "quectel")
    assert family.last_resort == (
        Rung(command="AT+CFUN=4", timeout=10.0, settle=0.3),
        Rung(command="AT+CFUN=1", timeout=10.0, settle=0.3),
    )
    timing = family.timing
    assert (timing.call_list, timing.poll, timing.row_missing, timing.registration) == (
        2.0,
        0.5,
        10.0,
        60.0,
    )
    # No call fails for a setting that a firmware does not know.
    steps = (*family.bring_up, *family.before_call, *family.turn_away, *family.let_in)
    assert {(step.required, step.timeout) for step in steps} <= {(False, 3.0)}
    assert (Rung(command="ATH").timeout, Rung(command="ATH").settle) == (5.0, 0.0)
    for audio in (family.audio, family.sound_card):
        if audio is not None:
            assert (audio.tries, audio.retry_after) == (10, 0.1)
            resets = family.name == "sim7600" and audio is family.audio
            assert audio.resets_after_refusal is resets


@pytest.mark.parametrize(
    ("family", "part", "stop_announced"),
    [
        # SIMCom's LTE players tell "play stop" after a stop of ours too.
        ("sim7600", None, True),
        ("a76xx", None, True),
        ("sim800", 4096, False),
        ("quectel", None, False),
    ],
)
def test_how_clips_are_kept_on_a_module(
    family: str, part: int | None, stop_announced: bool
) -> None:
    clips = FAMILIES[family].stored_clips
    assert clips is not None
    assert (clips.part, clips.stop_announced) == (part, stop_announced)
    assert (clips.tries, clips.retry_after) == (10, 0.2)


def test_no_other_family_keeps_clips() -> None:
    kept = {name for name, family in FAMILIES.items() if family.stored_clips is not None}
    assert kept == {"sim7600", "a76xx", "sim800", "quectel"}


@pytest.mark.parametrize(
    ("data", "total"),
    [
        (b"", 0),
        (b"\x12\x34", 0x1234),
        (b"\x12", 0x1200),
        (b"\x12\x34\x56", 0x1234 ^ 0x5600),
        (b"\x01\x02\x03\x04\x05\x06", 0x0102 ^ 0x0304 ^ 0x0506),
        (bytes(range(256)), 0),
    ],
)
def test_the_sum_of_an_upload(data: bytes, total: int) -> None:
    """Quectel: every two bytes are one word, the first the high one."""
    assert xor_of_words(data) == total


def test_the_ports_of_an_a7670() -> None:
    assert FAMILIES["a76xx"].usb == (
        UsbIdentity(vendor=0x1E0E, product=0x9011, at=4, spare_at=5, audio=None),
    )


@pytest.mark.parametrize(
    ("family", "line", "reading"),
    [
        # A word that a line of text may be too, and one that is no call of ours.
        ("sim7600", "VOICE CALL: BEGIN", Reading(sign=Sign.ANSWERED, fields={}, check=True)),
        ("a76xx", "VOICE CALL: BEGIN", Reading(sign=Sign.ANSWERED, fields={}, check=True)),
        ("sim800", "MO CONNECTED", Reading(sign=Sign.ANSWERED, fields={}, check=True)),
        ("sim800", "MO RING", Reading(sign=Sign.ALERTING, fields={}, check=False)),
        (
            "huawei",
            "^CONN:1,0",
            Reading(sign=Sign.ANSWERED, fields={"index": "1", "mode": "0"}, check=False),
        ),
        (
            "quectel",
            "^DSCI: 1,0,3,0,10086,129,0",
            Reading(
                sign=Sign.ANSWERED,
                fields={"index": "1", "dir": "0", "state": "3", "mode": "0", "number": "10086"},
                check=False,
            ),
        ),
        # A state that no manual names.
        (
            "quectel",
            "^DSCI: 1,0,9,0,10086,129,0",
            Reading(
                sign=Sign.NOISE,
                fields={"index": "1", "dir": "0", "state": "9", "mode": "0", "number": "10086"},
            ),
        ),
        ("sim7600", "+RXDTMF: a", Reading(sign=Sign.KEY, fields={"key": "A"})),
        # Codes are printable characters: 33 and 126 are some, and no keys.
        *(
            ("quectel", f"+QTONEDET: {code}", Reading(sign=Sign.NOISE, fields={"key": shown}))
            for code, shown in ((32, "32"), (33, "!"), (126, "~"), (127, "127"))
        ),
    ],
)
def test_a_line_means_this_and_nothing_else(family: str, line: str, reading: Reading) -> None:
    assert read(family, line) == reading


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [("000000", 0), ("000059", 59), ("000100", 60), ("010000", 3600), ("123456", 45296)],
)
def test_the_seconds_of_a_call(duration: str, seconds: int) -> None:
    assert talk_seconds(duration) == seconds


def test_a_reading_is_believed_unless_it_says_otherwise() -> None:
    assert not Reading(sign=Sign.BUSY, fields={}).check
    noise = read("quectel", "^DSCI: 1,0,9,0,10086,129,0")
    assert noise is not None
    assert not noise.check
