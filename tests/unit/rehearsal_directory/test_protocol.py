"""StartTLS, signing, faults on request, limits of the query policy, ranges, extended names, counters."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path

import pytest

from rehearsal.certificates import server_context, write_private
from rehearsal.directory import DirectoryServer, DirectoryStore, ber
from rehearsal.directory.service import DirectoryFault, QueryPolicy, Service
from tests.support.certificates import shared_certificates
from tests.unit.rehearsal_directory.conftest import BASE, GROUPS, STAFF, WRITER
from tests.unit.rehearsal_directory.wire import Wire, equal

PASSWORD = "correct horse"
CLOSED = (asyncio.IncompleteReadError, ConnectionResetError, BrokenPipeError)
START_TLS = "1.3.6.1.4.1.1466.20037"
PAGED, EXTENDED_DN, RANGE_NO_ERROR = "1.2.840.113556.1.4.319", "1.2.840.113556.1.4.529", "1.2.840.113556.1.4.1948"
GROUP = f"CN=large,{GROUPS}"
Scenario = Callable[[Wire], Coroutine[None, None, None]]


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The server's context, and one of a client to which NOW is no time."""
    certificates = shared_certificates()
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    write_private(Path(file), certificates.server_pem)
    trust = ssl.create_default_context()
    trust.check_hostname = False
    trust.verify_mode = ssl.CERT_NONE
    return server_context(Path(file)), trust


@pytest.fixture
def service(store: DirectoryStore) -> Service:
    """The small domain with one group of five members."""
    members = [f"CN={name},{STAFF}" for name in ("ann", "bob", "cleo", "writer")]
    store.add(GROUP, {"objectClass": ["group"], "sAMAccountName": "large", "member": members})
    return Service(store)


def talk(service: Service, scenario: Scenario, *, bound: bool = True, tls: ssl.SSLContext | None = None) -> None:
    """Run a scenario on one connection; nothing takes longer than ten seconds."""

    async def run() -> None:
        server = DirectoryServer(service, start_tls=tls)
        await server.start()
        wire = await Wire.to(server)
        try:
            if bound:
                assert (await wire.bind(WRITER, PASSWORD)).code == 0
            await asyncio.wait_for(scenario(wire), 10)
        finally:
            await wire.close()
            await asyncio.wait_for(server.stop(), 5)

    asyncio.run(run())


def test_start_tls_and_signing(service: Service, tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """In the clear a bind is refused where signing is required; after StartTLS it is not; a second one is refused."""
    service.policy.require_signing = True

    async def scenario(wire: Wire) -> None:
        refused = await wire.bind(WRITER, PASSWORD)
        assert refused.code == 8
        assert refused.message.startswith("00002028: LdapErr: DSID-")
        assert "integrity checking if SSL\\TLS are not already active" in refused.message
        assert (await wire.bind("", "")).code == 0
        assert (await wire.extended(START_TLS)).code == 0
        await wire.writer.start_tls(tls[1])
        assert (await wire.bind(WRITER, PASSWORD)).code == 0
        assert [reply.tag for reply in await wire.search(STAFF, scope=0)] == [0x64, 0x65]
        again = await wire.extended(START_TLS)
        assert (again.code, "TLS or SSL already in effect" in again.message) == (1, True)

    talk(service, scenario, bound=False, tls=tls[0])


def test_start_tls_out_of_order(service: Service, tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """Not with a request before it under way, nor with one behind it that came in the clear."""
    start = ber.tlv(0x77, ber.text(START_TLS, 0x80))
    base = ber.sequence([ber.integer(3), ber.tlv(0x77, ber.text("1.3.6.1.4.1.4203.1.11.3", 0x80))])

    async def scenario(wire: Wire) -> None:
        service.faults.arm(DirectoryFault("slow", operation="extended", seconds=0.05))
        await wire.raw(base + ber.sequence([ber.integer(4), start]))
        answers = {reply.id: reply.code for reply in [await wire.reply(), await wire.reply()]}
        assert answers == {3: 0, 4: 1}
        await wire.raw(ber.sequence([ber.integer(5), start]) + base)
        answers = {reply.id: reply.code for reply in [await wire.reply(), await wire.reply()]}
        assert answers == {5: 1, 3: 0}

    talk(service, scenario, tls=tls[0])


@pytest.mark.parametrize(
    ("kind", "code", "message"),
    [
        ("busy", 51, "0000200E: SvcErr: DSID-"),
        ("unavailable", 52, "0000200F: SvcErr: DSID-"),
        ("admin-limit", 11, "00002024: SvcErr: DSID-"),
    ],
)
def test_refusals_on_request(service: Service, kind: str, code: int, message: str) -> None:
    """As many as were asked for, of the operation that was asked for, after those that were to pass."""
    service.faults.arm(DirectoryFault(kind, count=2, skip=1, operation="search"))

    async def scenario(wire: Wire) -> None:
        codes = []
        for _ in range(4):
            assert (await wire.bind(WRITER, PASSWORD)).code == 0
            codes.append((await wire.search(STAFF, scope=0))[-1])
        assert [reply.code for reply in codes] == [0, code, code, 0]
        assert codes[1].message.startswith(message)

    talk(service, scenario)
    assert service.faults.met == 2
    assert service.traffic.refused == {code: 2}


def test_a_connection_cut_within_an_answer(service: Service) -> None:
    """Some objects of a page arrive, then nothing: no result, no cookie."""
    service.faults.arm(DirectoryFault("cut", operation="search", after=2))

    async def scenario(wire: Wire) -> None:
        with pytest.raises(CLOSED):
            await wire.search(STAFF)
        assert service.traffic.entries == 2

    talk(service, scenario)


@pytest.mark.parametrize("after", [0, 1])
def test_a_connection_cut_at_a_write(service: Service, after: int) -> None:
    """Before it takes effect, or after: the client cannot tell."""
    service.faults.arm(DirectoryFault("cut", operation="modify", after=after))

    async def scenario(wire: Wire) -> None:
        await wire.describe(GROUP, "changed")
        with pytest.raises(CLOSED):
            await wire.reply()

    talk(service, scenario)
    assert service.store.node(GROUP).text("info") == ("changed" if after else "")


def test_slow_answers(service: Service) -> None:
    """Late, and right."""
    service.faults.arm(DirectoryFault("slow", seconds=0.1))

    async def scenario(wire: Wire) -> None:
        begun = asyncio.get_running_loop().time()
        assert (await wire.search(STAFF, scope=0))[-1].code == 0
        assert asyncio.get_running_loop().time() - begun >= 0.1

    service.faults.clear()

    async def armed(wire: Wire) -> None:
        service.faults.arm(DirectoryFault("slow", seconds=0.1))
        await scenario(wire)

    talk(service, armed)


def test_an_abandoned_search_is_not_answered(service: Service) -> None:
    """Neither the one under way nor one that waits; the connection goes on."""
    service.faults.arm(DirectoryFault("slow", operation="search", skip=0, seconds=0.2))
    service.faults.arm(DirectoryFault("slow", operation="search", seconds=0.05))

    async def scenario(wire: Wire) -> None:
        search = ber.text(STAFF) + ber.integer(2, ber.ENUMERATED) + ber.integer(0, ber.ENUMERATED)
        search += ber.integer(0) + ber.integer(0) + ber.boolean(False) + ber.text("objectClass", 0x87)
        search += ber.sequence([])
        for number in (7, 8):
            await wire.raw(ber.sequence([ber.integer(number), ber.tlv(0x63, search)]))
        for abandoned in (b"\x07", b"\x08", b"\x63"):
            await wire.raw(ber.sequence([ber.integer(9), ber.tlv(0x50, abandoned)]))
        await wire.extended("1.3.6.1.4.1.4203.1.11.3")

    async def whole(wire: Wire) -> None:
        await scenario(wire)
        assert (await wire.bind(WRITER, PASSWORD)).tag == 0x61
        # An id of nothing under way: a later request of that id is answered.
        await wire.raw(ber.sequence([ber.integer(99), ber.tlv(0x77, ber.text("1.2.3", 0x80))]))
        assert (await wire.reply()).id == 99

    talk(service, whole)
    assert service.traffic.operations["search"] == 2


@pytest.mark.parametrize(
    ("option", "shown"),
    [
        ("member", {"member": 0, "member;range=0-1": 2}),
        ("member;range=0-*", {"member;range=0-1": 2}),
        ("member;range=1-2", {"member;range=1-2": 2}),
        ("member;range=2-*", {"member;range=2-*": 2}),
        ("member;range=3-3", {"member;range=3-*": 1}),
        ("MEMBER;RANGE=0-0", {"member;range=0-0": 1}),
        ("2.5.4.31;range=2-*", {"2.5.4.31;range=2-*": 2}),
        ("objectClass;range=1-*", {"objectClass;range=1-*": 1}),
        ("member;range=2-1", {}),
        ("member;binary", {}),
    ],
)
def test_ranges(service: Service, option: str, shown: dict[str, int]) -> None:
    """Every form of the option, against a MaxValRange of two."""
    service.policy.max_value_range = 2

    async def scenario(wire: Wire) -> None:
        (found,) = await wire.entries(GROUP, scope=0, names=(option,))
        assert {name: len(values) for name, values in found.values.items()} == shown

    talk(service, scenario)


def test_a_range_behind_the_last_value(service: Service) -> None:
    """operationsError for links, unless a control says otherwise; nothing for a group without members."""

    async def scenario(wire: Wire) -> None:
        refused = (await wire.search(GROUP, scope=0, names=("member;range=4-*",)))[-1]
        assert (refused.code, refused.message[:8]) == (1, "00002121")
        control = Wire.control(RANGE_NO_ERROR)
        (found,) = await wire.entries(GROUP, scope=0, names=("member;range=4-*",), controls=control)
        assert not found.values
        (empty,) = await wire.entries(
            f"CN=Guests,CN=Users,{BASE}".replace("Guests", "Domain Guests"), scope=0, names=("member;range=0-*",)
        )
        assert not empty.values

    talk(service, scenario)


def test_extended_names(service: Service) -> None:
    """GUID and SID before every DN, in hexadecimal or as text."""
    ann = service.store.node(f"CN=ann,{STAFF}")
    sid = ann.attributes["objectSid"][0]

    async def scenario(wire: Wire) -> None:
        for value in (None, b"\x30\x03\x02\x01\x00"):
            control = Wire.control(EXTENDED_DN, value)
            (found,) = await wire.entries(GROUP, scope=0, names=("member",), controls=control)
            assert found.texts("member")[0] == f"<GUID={ann.guid.hex()}>;<SID={sid.hex()}>;CN=ann,{STAFF}"
        control = Wire.control(EXTENDED_DN, b"\x30\x03\x02\x01\x01")
        (found,) = await wire.entries(STAFF, scope=0, controls=control)
        assert found.dn.startswith("<GUID=00000000-")
        assert found.dn.endswith(f">;{STAFF}")
        refused = (await wire.search(GROUP, scope=0, controls=Wire.control(EXTENDED_DN, b"\x04")))[-1]
        assert (refused.code, refused.message[:8]) == (2, "00000057")

    talk(service, scenario)


def _page(size: int, cookie: bytes = b"") -> bytes:
    return Wire.control(PAGED, ber.sequence([ber.integer(size), ber.octets(cookie)]))


def test_pages_are_capped_and_few_are_kept(service: Service) -> None:
    """MaxPageSize bounds a page; of many result sets of one connection the oldest are dropped."""
    service.policy = replace(QueryPolicy(), max_page_size=2, max_result_sets=3)

    async def scenario(wire: Wire) -> None:
        assert len([reply for reply in await wire.search(STAFF, controls=_page(500)) if reply.tag == 0x64]) == 2
        limited = await wire.search(STAFF)
        assert (limited[-1].code, len(limited)) == (4, 3)
        for _ in range(4):
            await wire.search(STAFF, controls=_page(1))
        kept = [(await wire.search(STAFF, controls=_page(1, b"page-%d" % number)))[-1].code for number in range(1, 6)]
        assert kept == [53, 53, 0, 0, 0]

    talk(service, scenario)


def test_time_limit_of_the_policy(service: Service) -> None:
    """MaxQueryDuration counts where the client sets no limit; one heavy filter does not keep others waiting."""
    service.policy.max_query_duration = 1e-9

    async def scenario(wire: Wire) -> None:
        assert (await wire.search(service.store.schema_dn, condition=equal("description", "x")))[-1].code == 3

    talk(service, scenario)


def test_principal_and_who_am_i(service: Service) -> None:
    """Who is bound, in the root DSE and by the extended operation."""

    async def scenario(wire: Wire) -> None:
        (root,) = await wire.entries("", scope=0, names=("msDS-PrincipalName",))
        assert root.texts("msDS-PrincipalName") == ["CONTOSO\\writer"]

    talk(service, scenario)


def test_counters(service: Service) -> None:
    """Connections, operations, refusals, objects and octets; octets as the client counts them."""

    async def scenario(wire: Wire) -> None:
        await wire.search(STAFF)
        await wire.search("CN=nothing," + STAFF)
        await wire.extended("1.2.3")

    talk(service, scenario)
    shown = service.traffic.shown()
    assert (shown["connections"], shown["open_connections"], shown["entries"]) == (1, 0, 5)
    assert shown["operations"] == {
        **dict.fromkeys(("add", "modify", "modify-dn", "delete", "compare"), 0),
        "bind": 1,
        "search": 2,
        "extended": 1,
    }
    assert shown["refused"] == {"2": 1, "32": 1}
    assert isinstance(shown["bytes_in"], int)
    assert 200 < shown["bytes_in"] < 600
    service.traffic.clear()
    assert service.traffic.shown()["operations"] == dict.fromkeys(service.traffic.shown()["operations"], 0)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "values",
    [{"max_page": 1}, {"max_page_size": 0}, {"max_page_size": 1.5}, {"require_signing": 1}, {"max_value_range": True}],
)
def test_policies_that_cannot_be(values: dict[str, object]) -> None:
    """Unknown names, wrong kinds, limits below one; nothing is set then."""
    policy = QueryPolicy()
    with pytest.raises(ValueError, match=next(iter(values))):
        policy.change({"max_query_duration": 5, **values})
    assert policy == QueryPolicy()


@pytest.mark.parametrize(
    "values", [{"kind": "rain"}, {"kind": "busy", "operation": "sing"}, {"kind": "busy", "count": 0}]
)
def test_faults_that_cannot_be(values: dict[str, object]) -> None:
    """Unknown kinds and operations, numbers that make no sense."""
    with pytest.raises(ValueError, match=r"."):
        DirectoryFault(**values)  # type: ignore[arg-type]
