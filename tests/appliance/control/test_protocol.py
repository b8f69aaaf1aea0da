"""The control socket: real sockets, one line each way."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.control import protocol
from appliance.control.protocol import (
    PIECE,
    REQUEST_LIMIT,
    SOCKET_NAME,
    URGENT_CLIENTS,
    ControlClient,
    ControlServer,
)
from appliance.errors import NobodyListens, Refused, Unresponsive

MOST = 4


def handle(operation: str, arguments: dict[str, Any]) -> Any:
    if operation == "refuse":
        raise Refused("not now", "wait")
    return {"operation": operation, **arguments}


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    # Deeper than the 108 bytes that a socket address holds.
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    server = ControlServer(deep, handle, most_clients=MOST)
    server.start()
    yield deep
    server.close()
    assert not (deep / SOCKET_NAME).exists()


def test_a_request_is_answered(directory: Path) -> None:
    with ControlClient(directory) as client:
        assert client.ask("status", {"a": "é"}) == {"operation": "status", "a": "é"}
        assert client.ask("again") == {"operation": "again"}


def test_a_refusal_carries_its_remedy(directory: Path) -> None:
    with ControlClient(directory) as client, pytest.raises(Refused, match="not now") as caught:
        client.ask("refuse")
    assert caught.value.remedy == "wait"


def test_only_the_owner_may_speak(directory: Path) -> None:
    mode = (directory / SOCKET_NAME).stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b'{"operation": 1}',
        b"\xff\xfe",
        b"[" * 500_000,
        b'{"operation": "status", "arguments": {"by": "\\ud800"}}',
        b'{"operation": "status", "arguments": {"seq": ' + b"9" * 5000 + b"}}",
        b'{"operation": "status", "arguments": {"seconds": NaN}}',
        b'{"operation": "status", "arguments": ' + b'{"a":' * 100_000,
    ],
    ids=lambda line: line[:24].decode("latin-1"),
)
def test_nonsense_is_refused_and_the_server_lives(directory: Path, line: bytes) -> None:
    with ControlClient(directory) as client:
        raw: socket.socket = client._socket
        raw.sendall(line + b"\n")
        assert b"not of the control protocol" in raw.recv(4096)
        assert client.ask("status") == {"operation": "status"}


def test_a_line_without_end_is_hung_up_on(directory: Path) -> None:
    with ControlClient(directory) as client:
        raw: socket.socket = client._socket
        raw.settimeout(20)
        with contextlib.suppress(OSError):
            raw.sendall(b"x" * (REQUEST_LIMIT + (1 << 17)))
        with contextlib.suppress(ConnectionResetError):
            assert raw.recv(1) == b""
    with ControlClient(directory) as client:
        assert client.ask("status") == {"operation": "status"}


@pytest.mark.parametrize("size", [0, 1, PIECE, PIECE + 1, 3 * PIECE])
def test_a_file_arrives_whole(tmp_path: Path, size: int) -> None:
    contents = bytes(n % 251 for n in range(size))
    arrived: list[Any] = []
    server = ControlServer(tmp_path, lambda _, given: arrived.append(given))
    server.start()
    with ControlClient(tmp_path) as client:
        client.ask("contacts.import", {"file": "a", "contents": contents})
        client.ask("contacts.import", {"file": "b"})
    server.close()
    first, second = arrived
    assert b"".join(first.pop("contents", [])) == contents
    assert (first, second) == ({"file": "a"}, {"file": "b"})


def test_a_file_too_large_is_refused_at_the_piece(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "FILE_LIMIT", PIECE + 1)
    with ControlClient(directory) as client, pytest.raises(Refused, match="24 MiB") as caught:
        client.ask("contacts.import", {"contents": bytes(2 * PIECE)})
    assert "split" in caught.value.remedy


@given(
    st.dictionaries(
        st.text(),
        st.lists(st.text() | st.integers(), max_size=8) | st.text() | st.integers() | st.none(),
    ),
)
def test_an_answer_in_parts_is_the_answer(answer: dict[str, Any]) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(protocol, "ROWS_AT_ONCE", 3)
        patched.setattr(protocol, "PIECE", 4)
        text = b"".join(protocol._encoded({"result": answer}, messages=False))
    assert json.loads(text) == {"result": answer}
    assert text.count(b"\n") == 1


@pytest.mark.parametrize("operation", ["status", "contacts.list", "contacts.import", "reset"])
def test_a_box_whose_loop_is_frozen_is_told(tmp_path: Path, operation: str) -> None:
    server = ControlServer(tmp_path, handle, pulse=lambda: 7.2)
    server.start()
    with ControlClient(tmp_path) as client, pytest.raises(Unresponsive, match="7 s") as caught:
        client.ask(operation)
    assert str(os.getpid()) in str(caught.value)
    assert "autodialer stop" in caught.value.remedy
    with ControlClient(tmp_path) as client:
        assert client.ask("stop") == {"operation": "stop"}
    server.close()


@pytest.mark.parametrize("operation", ["status", "contacts.list", "stop"])
def test_a_box_that_is_stopped_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    """The kernel takes the connection for a stopped process, and nothing comes back."""
    monkeypatch.setattr(protocol, "ALIVE_WITHIN", 0.05)
    server = ControlServer(tmp_path, handle)
    with ControlClient(tmp_path) as client, pytest.raises(Unresponsive):
        client.ask(operation)
    server.close()


def test_a_box_that_freezes_at_a_request_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "ALIVE_WITHIN", 0.05)
    ages = iter([0.0, 0.01, 0.01, 9.0])
    release = threading.Event()

    def never(_: str, __: dict[str, Any]) -> None:
        release.wait(10)

    server = ControlServer(tmp_path, never, pulse=lambda: next(ages))
    server.start()
    with ControlClient(tmp_path) as client, pytest.raises(Unresponsive, match="9 s"):
        client.ask("status")
    release.set()
    server.close()


def test_no_box_no_answer(tmp_path: Path) -> None:
    with pytest.raises(NobodyListens):
        ControlClient(tmp_path)


def test_a_stale_socket_of_a_dead_box_is_no_box(tmp_path: Path) -> None:
    left_over = socket.socket(socket.AF_UNIX)
    left_over.bind(str(tmp_path / SOCKET_NAME))
    left_over.close()
    with pytest.raises(NobodyListens):
        ControlClient(tmp_path)


@pytest.fixture
def crowd(directory: Path) -> Iterator[list[ControlClient]]:
    """As many clients as are served, each known to have its place."""
    clients = [ControlClient(directory) for _ in range(MOST)]
    for client in clients:
        client.ask("status")
    yield clients
    for client in clients:
        client.close()


def test_a_client_too_many_is_told_so(directory: Path, crowd: list[ControlClient]) -> None:
    for _ in range(URGENT_CLIENTS + 1):
        with ControlClient(directory) as late, pytest.raises(Refused, match="connected") as caught:
            late.ask("status")
        assert "try again" in caught.value.remedy


def test_a_stop_finds_its_place_in_any_crowd(directory: Path, crowd: list[ControlClient]) -> None:
    with ControlClient(directory) as late:
        assert late.ask("stop") == {"operation": "stop"}


def test_beyond_the_kept_places_the_reason_is_still_given(
    directory: Path, crowd: list[ControlClient]
) -> None:
    silent = [ControlClient(directory) for _ in range(URGENT_CLIENTS)]
    with ControlClient(directory) as late, pytest.raises(Refused, match="connected"):
        late.ask("status")
    for client in silent:
        client.close()
