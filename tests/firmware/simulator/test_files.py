"""Clips stored on the module: uploaded, played to the far end, heard there."""

from __future__ import annotations

import io
import wave

import pytest

from firmware.simulator.families.quectel import checksum
from firmware.simulator.modem.storage import samples_of
from firmware.simulator.network.scenario import Answer, KeyPress
from firmware.simulator.network.sounds import murmur
from tests.support.simulator_bench import NUMBER, Bench, one_number

LISTENS = Answer(rings_in=0, after=0, keys=(KeyPress(key="1", heard=0.5),))


def wav(seconds: float = 2.0, rate: int = 8000) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(murmur(seconds))
    return buffer.getvalue()


def in_call(family: str) -> Bench:
    bench = Bench(family, one_number(LISTENS))
    bench.send("AT+DDET=1")
    bench.send("AT+QTONEDET=1")
    return bench


def dial(bench: Bench) -> None:
    bench.send(f"ATD{NUMBER};")
    bench.run(0.3)


def upload(bench: Bench, command: str, data: bytes) -> list[str]:
    assert bench.send(command)[-1] in (">", "CONNECT")
    return bench.send_bytes(data)


def test_sim7600_wav_player() -> None:
    bench = in_call("sim7600")
    data = wav()
    assert upload(bench, f'AT+CFTRANRX="E:/a.wav",{len(data)}', data) == ["OK"]
    assert bench.send('AT+CCMXPLAYWAV="E:/a.wav",1') == ["ERROR"]
    dial(bench)
    assert bench.send('AT+CCMXPLAYWAV="E:/a.wav",1') == ["+WAVSTATE: wav play", "OK"]
    told = bench.run(3)
    assert "+WAVSTATE: wav play stop" in told
    assert bench.events("key") == ["key"]


def test_a_clip_lasts_its_whole_length_after_a_standstill() -> None:
    """A busy machine gave the simulator no time while nothing flowed."""
    bench = in_call("sim7600")
    data = wav(2.0)
    upload(bench, f'AT+CFTRANRX="E:/a.wav",{len(data)}', data)
    dial(bench)
    bench.now += 1.0
    bench.send('AT+CCMXPLAYWAV="E:/a.wav",1')
    assert "+WAVSTATE: wav play stop" not in bench.run(1.9)
    assert "+WAVSTATE: wav play stop" in bench.run(0.2)


def test_sim7600_any_player_and_its_stop() -> None:
    bench = in_call("sim7600")
    data = wav()
    upload(bench, f'AT+CFTRANRX="E:/a.wav",{len(data)}', data)
    dial(bench)
    begun = ["+CCMXPLAY:", "OK", "+AUDIOSTATE: audio play"]
    assert bench.send('AT+CCMXPLAY="E:/a.wav",1,0') == begun
    bench.run(0.3)
    stopped = ["+CCMXSTOP:", "OK", "+AUDIOSTATE: audio play stop"]
    assert bench.send("AT+CCMXSTOP") == stopped
    bench.run(2)
    assert bench.events("key") == []
    bench.send("AT+CHUP")
    heard = bench.fact("audio", "milliseconds")
    assert isinstance(heard, int)
    assert 0 < heard <= 300


def test_a76xx_files() -> None:
    bench = in_call("a76xx")
    data = wav()
    command = f'AT+CFTRANRX="C:/a.wav",{len(data)}'
    assert upload(bench, command, data) == ["OK"]
    assert bench.send(command) == ["ERROR"], "the target must not exist"
    assert bench.send('AT+FSDEL="C:/a.wav"') == ["OK"]
    assert upload(bench, command, data) == ["OK"]
    dial(bench)
    assert bench.send("AT+CPCMREG=1") == ["ERROR"]
    bench.send('AT+CCMXPLAY="C:/a.wav",1,0')
    assert "+AUDIOSTATE: audio play stop" in bench.run(3)
    assert bench.events("key") == ["key"]
    assert bench.downlink == b""
    assert bench.send('AT+FSDEL="C:/none.wav"') == ["ERROR"]
    assert bench.send('AT+CFTRANRX="C:/b.wav",10') == ["ERROR"], "broken until a reset"


def test_sim800_files() -> None:
    bench = in_call("sim800")
    data = wav(0.8)
    name = "C:\\User\\1.wav"
    assert bench.send(f"AT+FSCREATE={name}") == ["OK"]
    assert bench.send(f"AT+FSWRITE={name},0,10,5") == ["ERROR"]
    for start in range(0, len(data), 4096):
        chunk = data[start : start + 4096]
        assert upload(bench, f"AT+FSWRITE={name},1,{len(chunk)},5", chunk) == ["OK"]
    assert bench.send(f"AT+FSFLSIZE={name}") == [f"+FSFLSIZE: {len(data)}", "OK"]
    dial(bench)
    assert bench.send(f'AT+CREC=4,"{name}",0,90') == ["OK"]
    told = bench.run(2)
    assert "+CREC: 0" in told
    assert "+DTMF:1" in told


def test_quectel_files() -> None:
    bench = in_call("quectel")
    data = wav()
    answer = upload(bench, f'AT+QFUPL="a.wav",{len(data)}', data)
    assert answer == [f"+QFUPL: {len(data)},{checksum(data):x}", "OK"]
    assert bench.send("AT+QFLST") == [f'+QFLST: "a.wav",{len(data)}', "OK"]
    dial(bench)
    assert bench.send('AT+QPSND=1,"a.wav",0,1,1') == ["OK"]
    told = bench.run(3)
    assert "+QPSND: 0" in told
    assert "+QTONEDET: 49" in told
    assert bench.send('AT+QFDEL="a.wav"') == ["OK"]
    bench.send("AT+CMEE=1")
    assert bench.send('AT+QFDEL="a.wav"') == ["+CME ERROR: 22"]


@pytest.mark.parametrize(
    ("data", "expected"), [(b"\x00\x01\x00\x02", 3), (b"\x10\x00\x01", 0x1100), (b"", 0)]
)
def test_checksum(data: bytes, expected: int) -> None:
    assert checksum(data) == expected


def test_what_the_module_can_play() -> None:
    assert samples_of(wav()) == murmur(2.0)
    assert samples_of(wav(rate=16000)) is None
    assert samples_of(b"no sound") is None
    amr = b"#!AMR\n" + (b"\x3c" + bytes(31)) * 50
    played = samples_of(amr)
    assert played is not None
    assert len(played) == 16000


def test_a_full_file_system_refuses_after_the_bytes() -> None:
    bench = Bench()
    size = bench.modem.storage.free
    command = f'AT+CFTRANRX="E:/a.wav",{size - 10}'
    assert upload(bench, command, bytes(size - 10)) == ["OK"]
    assert upload(bench, 'AT+CFTRANRX="E:/b.wav",11', bytes(11)) == ["ERROR"]
    assert upload(bench, command, bytes(size - 10)) == ["OK"], "a file may be replaced"
