"""The control socket: real sockets, one line each way."""

from __future__ import annotations

import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.control.protocol import SOCKET_NAME, URGENT_CLIENTS, ControlClient, ControlServer
from appliance.errors import NobodyListens, Refused

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


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b'"x"', b'{"operation": 1}', b"\xff\xfe"])
def test_nonsense_is_refused_and_the_server_lives(directory: Path, line: bytes) -> None:
    with ControlClient(directory) as client:
        raw: socket.socket = client._socket
        raw.sendall(line + b"\n")
        assert b"not of the control protocol" in raw.recv(4096)
        assert client.ask("status") == {"operation": "status"}


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
