"""NATS as the fleet uses it: one way to connect, to ask, to write once and to write in a batch.

What the client library does by default is unfit for this job, and is set otherwise here: it keeps
what is published while the link is down and sends it later (a claim would appear that nobody waits
for any more); it notices a dead link after four minutes; it gives up after 60 attempts; it prints
a traceback for each. Every acknowledgement is read here, because the library raises some refusals,
returns others, and takes a bare "OK" of an old server for a grant.

Wire format of the batch: NATS ADR-50. Error codes: nats-server ``errors.json``.

Long because whatever the library does otherwise is set right in this one place.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from nats import errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from appliance.fleet.complaints import Complaints
from appliance.fleet.hub_config import PING_SECONDS, PINGS
from appliance.fleet.keys import tls_context
from appliance.fleet.link_trouble import Trouble, named, trouble_of
from appliance.fleet.messages import MessageUnreadable, decode
from firmware.wording import joined, worded

log = logging.getLogger(__name__)
# Said by asyncio at each end of a TLS connection, of the library's transport; it means nothing.
logging.getLogger("asyncio").addFilter(lambda record: "eof_received" not in record.getMessage())

RECONNECT_WAIT = 1
"""Seconds between two attempts at one server."""
CONNECT_TIMEOUT = 4
"""Seconds for TCP, TLS and log-in: several round trips over a bad mobile link."""

CLOSE_WITHIN = 5.0

EXISTS = 10077
"""The subject has its one message already."""
WRONG_SEQUENCE = 10071
"""A condition of the write does not hold (the description names the message that breaks it)."""
BUSY = 10164
"""A write with the same condition is under way; says nothing about whether it will succeed."""
NO_ROOM = frozenset({10023, 10047, 10176})
"""Refusals of a full hub: of the limit that a node takes at its start (three quarters of what is
free then), of the stream's, and a batch that came whole and is called incomplete (2.15.1 on a full
disk, where single messages still went through)."""
NOT_FOUND = 10037
NO_STREAM = 10059
OVERLAP = 10065
"""Another stream takes these subjects."""
NO_CONSUMER = 10014
NO_LEADER = 10008
PASSING = frozenset({BUSY, NO_LEADER})
"""Refusals that say nothing but: not now (no leader: a new one is being chosen)."""
ROLLUP = 10111

SUBJECT_SEQUENCE = "Nats-Expected-Last-Subject-Sequence"
SUBJECT_NAMED = "Nats-Expected-Last-Subject-Sequence-Subject"
MESSAGE_ID = "Nats-Msg-Id"


class NoAnswer(Exception):
    """Nobody answered: whether it was written is not known. ``remedy`` may be empty."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class HubRefused(Exception):
    """The server answered with an error; ``code`` is its ``err_code``."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(f"{description} ({code})")
        self.code = code
        self.description = description

    @property
    def sequence(self) -> int:
        """The message that breaks a condition, where the description names it; else 0."""
        word = self.description.rsplit(" ", 1)[-1]
        return int(word) if self.code == WRONG_SEQUENCE and word.isdigit() else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """An acknowledgement: the message is on the disks of a majority."""

    stream: str
    sequence: int
    duplicate: bool = False
    batch: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A stored message as it was read."""

    subject: str
    sequence: int
    payload: bytes
    time: str


async def connect(
    servers: Sequence[str],
    *,
    seed: str,
    authority: str,
    name: str,
    inbox: str,
    forever: bool,
    disconnected: Callable[[], Awaitable[None]] | None = None,
    reconnected: Callable[[], Awaitable[None]] | None = None,
    complaint: Callable[[Trouble], None] | None = None,
) -> Client:
    """Connect to one of *servers*. *forever* tries until it is cancelled; else once round.

    A connection that stood and broke is sought again for as long as somebody holds it: whoever
    asks has the patience, and an order must not end because its node did.
    *complaint* gets every trouble; the log gets each once a minute.
    Raises :class:`NoAnswer` where none lets us in.
    """
    complaints = Complaints()
    last: list[Trouble] = []

    async def complain(error: Exception) -> None:
        trouble = trouble_of(error)
        last[:] = [trouble]
        if complaint is not None:
            complaint(trouble)
        told = complaints.note(trouble.what)
        if told is not None:
            log.warning("hub: %s", told)

    async def nothing() -> None:
        return

    client = Client()
    context = tls_context(authority)
    options: dict[str, Any] = {"tls": context} if context is not None else {}
    if seed:
        options["nkeys_seed_str"] = seed
    try:
        await client.connect(
            servers=list(servers),
            name=name,
            inbox_prefix=inbox,
            error_cb=complain,
            disconnected_cb=disconnected or nothing,
            reconnected_cb=reconnected or nothing,
            allow_reconnect=True,
            # Forever, or else each server twice at most: an operator waits for the answer.
            max_reconnect_attempts=-1 if forever else 1,
            reconnect_time_wait=RECONNECT_WAIT if forever else 0,
            connect_timeout=CONNECT_TIMEOUT,
            ping_interval=PING_SECONDS,
            max_outstanding_pings=PINGS,
            pending_size=-1,
            **options,
        )
    except asyncio.CancelledError:
        with suppress(Exception):  # It may be half open, and nobody else has it.
            await client.close()
        raise
    except (errors.Error, OSError, TimeoutError) as error:
        trouble = last[0] if last else trouble_of(error)
        raise NoAnswer(joined(": ", [", ".join(servers), trouble.what]), trouble.remedy) from error
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        # The library believes whatever answers to be a server.
        with suppress(Exception):
            await client.close()
        what = worded("what answers there is no hub: {error}", error=error)
        raise NoAnswer(joined(": ", [", ".join(servers), what])) from error
    client.options |= {"max_reconnect_attempts": -1, "reconnect_time_wait": RECONNECT_WAIT}
    return client


async def close(client: Client) -> None:
    """Close the connection, within :data:`CLOSE_WITHIN` seconds.

    The library may wait for ever for what it would still send, where the link broke and its task
    that sends is gone. It may also find that its stream's end was waited for by a task which it
    cancelled itself a moment ago, and then hands that cancellation on; only one that is meant for
    the caller counts. What else it finds wrong with a link that nobody wants any more is nobody's
    concern: it must not stand in place of what the caller did.
    """
    task = asyncio.current_task()
    with suppress(Exception):
        async with asyncio.timeout(CLOSE_WITHIN):
            try:
                await client.close()
            except asyncio.CancelledError:
                if task is not None and task.cancelling():
                    raise


async def send(
    client: Client,
    subject: str,
    payload: bytes,
    *,
    reply: str = "",
    headers: Mapping[str, str] | None = None,
) -> None:
    """Send what nobody acknowledges. Raises :class:`NoAnswer` where the link is down."""
    try:
        await client.publish(
            subject, payload, reply=reply, headers=dict(headers) if headers else None
        )
    except (errors.Error, OSError) as error:
        raise NoAnswer(named(error)) from error


@asynccontextmanager
async def listening(client: Client) -> AsyncIterator[tuple[str, asyncio.Queue[Msg]]]:
    """Give a subject of our own and what arrives on it. Raises as :func:`send`."""
    inbox = client.new_inbox()
    arriving: asyncio.Queue[Msg] = asyncio.Queue()

    async def arrived(message: Msg) -> None:
        arriving.put_nowait(message)

    try:
        subscription = await client.subscribe(inbox, cb=arrived, pending_msgs_limit=-1)
    except (errors.Error, OSError) as error:
        raise NoAnswer(named(error)) from error
    try:
        yield inbox, arriving
    finally:
        with suppress(errors.Error, OSError):  # It may be gone with its connection.
            await subscription.unsubscribe()


async def ask(
    client: Client,
    subject: str,
    payload: bytes = b"",
    *,
    headers: Mapping[str, str] | None = None,
    within: float = 5.0,
) -> tuple[dict[str, str], bytes]:
    """Send a request and return headers and payload of the answer. Raises :class:`NoAnswer`."""
    try:
        answer = await client.request(
            subject, payload, timeout=within, headers=dict(headers) if headers else None
        )
    except (errors.Error, OSError, TimeoutError) as error:
        raise NoAnswer(named(error)) from error
    return dict(answer.headers or {}), answer.data


async def ask_all(
    client: Client, subject: str, body: Mapping[str, Any], *, expected: int, within: float
) -> list[dict[str, Any]]:
    """Return the answers of everybody who listens to *subject*: *expected*, or those in time.

    None where nobody listens; an answer that is none counts as an empty one. Raises
    :class:`NoAnswer` where the link is down, or somebody listens and nobody answers.
    """
    found: list[dict[str, Any]] = []
    async with listening(client) as (inbox, arriving):
        await send(client, subject, json.dumps(body).encode(), reply=inbox)
        try:
            async with asyncio.timeout(within):
                while len(found) < expected:
                    message = await arriving.get()
                    if (message.headers or {}).get("Status") == "503":
                        return []
                    try:
                        found.append(decode(message.data))
                    except MessageUnreadable:
                        found.append({})
        except TimeoutError:
            if not found:
                raise NoAnswer("TimeoutError") from None
    return found


async def api(client: Client, call: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Ask JetStream's interface. Raises :class:`NoAnswer` and :class:`HubRefused`."""
    payload = b"" if body is None else json.dumps(body).encode()
    _, answer = await ask(client, f"$JS.API.{call}", payload)
    value = _object(answer)
    _raise(value)
    return value


async def write(
    client: Client,
    subject: str,
    payload: bytes,
    *,
    headers: Mapping[str, str] | None = None,
    within: float = 5.0,
) -> Written:
    """Write one message. Raises :class:`NoAnswer` and :class:`HubRefused`."""
    _, answer = await ask(client, subject, payload, headers=headers, within=within)
    return _written(answer)


async def write_once(
    client: Client, subject: str, payload: bytes, *, within: float = 5.0
) -> Written | None:
    """Write the one message of *subject*; None where it is there already, which is as good."""
    try:
        return await write(client, subject, payload, within=within)
    except HubRefused as refused:
        if refused.code == EXISTS:
            return None
        raise


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One message of a batch; it is written only where *unless* has no message."""

    subject: str
    payload: bytes
    unless: str | None = None


async def write_together(client: Client, parts: Sequence[Part], *, within: float) -> Written:
    """Write all of *parts* or none, each under its condition, in one step of the log.

    Raises :class:`NoAnswer` and :class:`HubRefused`; a server that does not know batches is
    refused too, though it says yes, since it has looked at no condition.
    """
    identity = secrets.token_hex(16)
    for number, part in enumerate(parts, start=1):
        headers = {"Nats-Batch-Id": identity, "Nats-Batch-Sequence": str(number)}
        if part.unless is not None:
            headers |= {SUBJECT_SEQUENCE: "0", SUBJECT_NAMED: part.unless}
        if number < len(parts):
            await send(client, part.subject, part.payload, headers=headers)
        else:
            headers["Nats-Batch-Commit"] = "1"
            written = await write(
                client, part.subject, part.payload, headers=headers, within=within
            )
            if written.batch != identity or written.count != len(parts):
                raise HubRefused(
                    0, worded("the server knows no atomic batch, so it looked at no condition")
                )
            return written
    raise ValueError("a batch has at least one part")


async def read_last(client: Client, stream: str, subject: str) -> Message | None:
    """Return the newest message of *subject*, which may hold wildcards; None where there is none.

    The answer may be of yesterday where a node lags: what it shows was written, what it does not
    show may be there all the same. No dial may rest on its silence.
    """
    return await _get(client, stream, {"last_by_subj": subject})


async def read_at(client: Client, stream: str, sequence: int) -> Message | None:
    """Return the message number *sequence* of *stream*, None where it has none."""
    return await _get(client, stream, {"seq": sequence})


async def read_direct(client: Client, stream: str, subject: str) -> Message | None:
    """Return the newest message of the one *subject*, from any node; as :func:`read_last`."""
    headers, payload = await ask(client, f"$JS.API.DIRECT.GET.{stream}.{subject}")
    if headers.get("Status"):
        if headers["Status"] == "404":
            return None
        raise HubRefused(0, str(headers.get("Description", headers["Status"])))
    return Message(
        subject=headers["Nats-Subject"],
        sequence=int(headers["Nats-Sequence"]),
        payload=payload,
        time=headers["Nats-Time-Stamp"],
    )


async def read_all(
    client: Client, stream: str, subject: str, after: int = 0, *, batch: int = 200
) -> AsyncIterator[Message]:
    """Yield the messages of *subject*, which may hold wildcards, after sequence *after*, in order.

    Raises :class:`NoAnswer` where a part does not come whole.
    """
    wanted = f"$JS.API.DIRECT.GET.{stream}"
    async with listening(client) as (inbox, arriving):
        while True:
            body = {"seq": after + 1, "batch": batch, "next_by_subj": subject}
            await send(client, wanted, json.dumps(body).encode(), reply=inbox)
            more = True
            while True:
                try:
                    message = await asyncio.wait_for(arriving.get(), 10.0)
                except TimeoutError:
                    raise NoAnswer(worded("{stream} does not come whole", stream=stream)) from None
                headers = message.headers or {}
                status = headers.get("Status")
                if status == "404":
                    return
                if status == "204":
                    more = headers.get("Nats-Num-Pending") not in (None, "0")
                    break
                if status is not None:
                    raise HubRefused(int(status), str(headers.get("Description", "")))
                after = int(headers["Nats-Sequence"])
                yield Message(
                    subject=headers["Nats-Subject"],
                    sequence=after,
                    payload=message.data,
                    time=headers["Nats-Time-Stamp"],
                )
            if not more:
                return


async def _get(client: Client, stream: str, body: Mapping[str, Any]) -> Message | None:
    try:
        value = await api(client, f"STREAM.MSG.GET.{stream}", body)
    except HubRefused as refused:
        if refused.code == NOT_FOUND:
            return None
        raise
    message = value["message"]
    return Message(
        subject=message["subject"],
        sequence=message["seq"],
        payload=base64.b64decode(message.get("data", "")),
        time=message["time"],
    )


def version_of(client: Client) -> tuple[int, ...]:
    """Return the server's version as numbers, ``(2, 15, 1)``."""
    numbers = client.connected_server_version
    return (numbers.major, numbers.minor, numbers.patch)


def _written(answer: bytes) -> Written:
    value = _object(answer)
    _raise(value)
    if not isinstance(value.get("seq"), int) or not value["seq"]:
        raise HubRefused(0, worded("an answer without a sequence: {answer!r}", answer=answer[:80]))
    return Written(
        stream=str(value.get("stream", "")),
        sequence=value["seq"],
        duplicate=value.get("duplicate") is True,
        batch=str(value.get("batch", "")),
        count=int(value.get("count", 0)),
    )


def _object(answer: bytes) -> dict[str, Any]:
    try:
        return decode(answer)
    except MessageUnreadable as error:
        raise HubRefused(
            0, worded("an answer that is none: {answer!r}", answer=answer[:80])
        ) from error


def _raise(value: dict[str, Any]) -> None:
    error = value.get("error")
    if error:
        raise HubRefused(
            int(error.get("err_code", error.get("code", 0))), str(error.get("description", ""))
        )
