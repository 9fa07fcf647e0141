"""Questions to DNS, against the rehearsal's server and against silence."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dns.message
import dns.resolver
import pytest

from rehearsal.dns_server import DnsServer, Zone, answer, zone
from runbook_lib.dns import DnsAnswer, DnsRecordType, Resolver, State
from runbook_lib.errors import ServiceFailed

GROUPS = "groups.contoso.com"


@contextmanager
def serving(records: Zone) -> Iterator[int]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = DnsServer(records)
    try:
        yield asyncio.run_coroutine_threadsafe(server.start(), loop).result(5)
    finally:
        asyncio.run_coroutine_threadsafe(_stopped(server), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


async def _stopped(server: DnsServer) -> None:
    server.stop()
    await asyncio.sleep(0)  # the transport closes its socket in the loop's next turn


@pytest.fixture(scope="module")
def resolver() -> Iterator[Resolver]:
    records = {**zone("good"), "several.example": ("MX", "20 b.example."), "odd.example": ("MX", "0 .")}
    with serving(records) as port:
        yield Resolver([("127.0.0.1", port)], timeout=2)


@pytest.mark.parametrize(
    ("name", "kind", "state", "values"),
    [
        (GROUPS, "MX", State.ANSWERED, ("groups-contoso-com.mail.protection.outlook.com",)),
        (f"{GROUPS}.", "MX", State.ANSWERED, ("groups-contoso-com.mail.protection.outlook.com",)),
        (f"autodiscover.{GROUPS}", "CNAME", State.ANSWERED, ("autodiscover.outlook.com",)),
        (GROUPS, "CNAME", State.NO_RECORD, ()),
        ("nowhere.example", "MX", State.NO_NAME, ()),
    ],
)
def test_answers(resolver: Resolver, name: str, kind: DnsRecordType, state: State, values: tuple[str, ...]) -> None:
    assert resolver.ask(name, kind) == DnsAnswer(name, kind, state, values)


def test_silence_is_an_answer_too() -> None:
    with serving({}) as port:
        free = port
    resolver = Resolver([("127.0.0.1", free)], timeout=0.2)
    found = resolver.ask(GROUPS, "MX")
    assert found.state is State.FAILED
    assert found.why


@pytest.mark.parametrize("name", ["a" * 64 + ".example", "..", ""])
def test_a_name_that_dns_cannot_have_is_no_crash(resolver: Resolver, name: str) -> None:
    assert resolver.ask(name, "MX").state in (State.FAILED, State.NO_NAME)


def test_a_machine_without_dns_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    def unconfigured(**_: object) -> None:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr("dns.resolver.Resolver", unconfigured)
    with pytest.raises(ServiceFailed) as caught:
        Resolver()
    assert caught.value.code == "dns-not-configured"


def test_the_rehearsal_s_server_ignores_what_is_no_question() -> None:
    assert answer(b"", zone("good")) is None
    assert answer(b"\xff" * 40, zone("good")) is None
    assert answer(dns.message.Message().to_wire(), zone("good")) is None


def test_broken_mail_flow_leads_on_premises() -> None:
    with serving(zone("broken")) as port:
        resolver = Resolver([("127.0.0.1", port)], timeout=2)
        assert resolver.ask(GROUPS, "MX").values == ("mail.contoso.com",)
        assert resolver.ask(f"autodiscover.{GROUPS}", "CNAME").state is State.NO_NAME
