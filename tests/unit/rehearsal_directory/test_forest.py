"""A forest of two domains: naming contexts, referrals, the global catalog, other controllers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime

import pytest

from rehearsal.directory import DirectoryServer, DirectoryStore
from rehearsal.directory.domains import View
from rehearsal.directory.forest import LOCAL, UNIVERSAL, add_controller, add_domain
from rehearsal.directory.service import Service
from tests.unit.rehearsal_directory.wire import Entry, Wire, equal

ROOT = "DC=contoso,DC=com"
CHILD = f"DC=emea,{ROOT}"
CONFIGURATION = f"CN=Configuration,{ROOT}"
ADMINISTRATOR = f"CN=Administrator,CN=Users,{ROOT}"
PASSWORD = "battery staple"
READ_ONLY = "1.2.840.113556.1.4.1920"
PHANTOM_ROOT = bytes.fromhex("3003020102")


@pytest.fixture(scope="module")
def service() -> Service:
    """contoso.com with three controllers and its child emea; two groups with members of both domains."""
    store = DirectoryStore("contoso.com", "CONTOSO", clock=lambda: datetime(2026, 11, 22, tzinfo=UTC))
    add_controller(store, "dc2", store.domains[0], ahead=4_000)
    add_controller(store, "rodc1", store.domains[0], read_only=True, ahead=9_000)
    add_domain(store, "emea", "EMEA", host="emea-dc1")
    store.set_password(ADMINISTRATOR, PASSWORD)
    store.set_password(f"CN=Administrator,CN=Users,{CHILD}", PASSWORD)
    for domain in (ROOT, CHILD):
        person = f"CN=ann,CN=Users,{domain}"
        store.add(person, {"objectClass": ["user"], "sAMAccountName": "ann", "title": "baker", "mail": "ann@x.example"})
    people = [f"CN=ann,CN=Users,{ROOT}", f"CN=ann,CN=Users,{CHILD}"]
    for name, scope in (("everybody", UNIVERSAL), ("some", LOCAL)):
        store.add(f"CN={name},CN=Users,{CHILD}", {"objectClass": ["group"], "groupType": scope, "member": people})
    return Service(store)


Talk = Callable[[Wire], Coroutine[None, None, None]]


def talk(service: Service, talk: Talk, host: str = "dc1", *, catalog: bool = False, name: str = ADMINISTRATOR) -> None:
    """Talk to one controller, bound."""
    controller = next(item for item in service.store.controllers if item.label == host)

    async def run() -> None:
        server = DirectoryServer(service, view=View(controller, global_catalog=catalog))
        await server.start()
        wire = await Wire.to(server)
        try:
            assert (await wire.bind(name, PASSWORD)).code == 0
            await asyncio.wait_for(talk(wire), 10)
        finally:
            await wire.close()
            await server.stop()

    asyncio.run(run())


def test_the_same_account_name_in_both_domains(service: Service) -> None:
    """Names are unique in their domain; UPN and DOMAIN\\user tell which; SIDs are their own domain's."""
    store = service.store
    guids = {store.authenticate(f"{domain}\\administrator", PASSWORD, "dc1") for domain in ("CONTOSO", "EMEA")}
    guids |= {store.authenticate(f"administrator@{domain.name}", PASSWORD, "dc1") for domain in store.domains}
    assert len(guids) == 2
    sids = [store.node(f"CN=ann,CN=Users,{domain}").attributes["objectSid"][0][:-4] for domain in (ROOT, CHILD)]
    assert sids[0] != sids[1]


@pytest.mark.parametrize(
    ("host", "naming_contexts", "default", "read_only"),
    [
        ("dc1", {ROOT, CONFIGURATION, f"CN=Schema,{CONFIGURATION}"}, ROOT, False),
        ("dc2", {ROOT, CONFIGURATION, f"CN=Schema,{CONFIGURATION}"}, ROOT, False),
        ("rodc1", {ROOT, CONFIGURATION, f"CN=Schema,{CONFIGURATION}"}, ROOT, True),
        ("emea-dc1", {CHILD, CONFIGURATION, f"CN=Schema,{CONFIGURATION}"}, CHILD, False),
    ],
)
def test_what_a_controller_says_of_itself(
    service: Service, host: str, naming_contexts: set[str], default: str, read_only: bool
) -> None:
    """Root DSE and NTDS Settings."""

    async def reading(wire: Wire) -> None:
        (shown,) = await wire.entries("", scope=0, names=("*", "supportedExtension"))
        assert set(shown.texts("namingContexts")) == naming_contexts
        assert shown.texts("defaultNamingContext") == [default]
        assert shown.texts("rootDomainNamingContext") == [ROOT]
        assert (READ_ONLY in shown.texts("supportedCapabilities")) is read_only
        assert shown.texts("dnsHostName")[0].startswith(f"{host}.")
        assert "supportedSASLMechanisms" not in shown.values
        (settings,) = await wire.entries(shown.texts("dsServiceName")[0], scope=0, names=("objectClass", "msDS-isRODC"))
        assert settings.texts("objectClass")[-1] == ("nTDSDSARO" if read_only else "nTDSDSA")
        assert settings.texts("msDS-isRODC") == ["TRUE" if read_only else "FALSE"]

    talk(service, reading, host)


def test_every_controller_counts_for_itself(service: Service) -> None:
    """highestCommittedUSN, uSNChanged and filters on it by the numbers of the controller that is asked."""
    seen: dict[str, tuple[int, int]] = {}

    async def reading(wire: Wire) -> None:
        (root,) = await wire.entries("", scope=0, names=("highestCommittedUSN",))
        (ann,) = await wire.entries(f"CN=ann,CN=Users,{ROOT}", scope=0, names=("uSNChanged",))
        number = int(ann.texts("uSNChanged")[0])
        for wanted, found in ((number, 1), (number + 1, 0)):
            condition = Wire.at_least("uSNChanged", wanted)
            hits = await wire.entries(f"CN=ann,CN=Users,{ROOT}", scope=0, condition=condition)
            assert len(hits) == found
        seen[str(len(seen))] = int(root.texts("highestCommittedUSN")[0]), number

    for host in ("dc1", "dc2"):
        talk(service, reading, host)
    assert [after - before for before, after in zip(seen["0"], seen["1"], strict=True)] == [4_000, 4_000]


def test_the_other_domain_is_referred_to(service: Service) -> None:
    """Result 10 with an ldap:// address for a base, a write and a missing name; references below a subtree."""

    async def from_the_first(wire: Wire) -> None:
        for base in (CHILD, f"CN=nobody,{CHILD}"):
            refused = (await wire.search(base, scope=0))[-1]
            assert (refused.code, refused.referrals) == (10, [f"ldap://emea.contoso.com/{base}"])
            assert refused.message.startswith("0000202B: RefErr: DSID-")
            assert "\tref 1: 'emea.contoso.com'" in refused.message
        await wire.add_group(f"CN=new group,{CHILD}")
        assert (await wire.reply()).referrals == [f"ldap://emea.contoso.com/CN=new%20group,{CHILD}"]
        replies = await wire.search(ROOT, condition=equal("cn", "nothing"))
        urls = {f"ldap://contoso.com/{CONFIGURATION}", f"ldap://emea.contoso.com/{CHILD}"}
        assert {url for reply in replies for url in reply.referrals} == urls
        found = await wire.entries(ROOT, condition=equal("sAMAccountName", "ann"))
        assert [entry.dn for entry in found] == [f"CN=ann,CN=Users,{ROOT}"]

    async def from_the_child(wire: Wire) -> None:
        assert (await wire.search(ROOT, scope=0))[-1].referrals == [f"ldap://contoso.com/{ROOT}"]
        assert (await wire.search(CONFIGURATION, scope=0))[-1].code == 0

    talk(service, from_the_first)
    talk(service, from_the_child, "emea-dc1")


def _found(entries: list[Entry]) -> set[str]:
    return {entry.dn for entry in entries}


def test_members_of_the_other_domain(service: Service) -> None:
    """A group names members of both; memberOf shows what the controller knows: its own and universal groups."""
    groups = [f"CN={name},CN=Users,{CHILD}" for name in ("everybody", "some")]

    async def in_the_child(wire: Wire) -> None:
        for group in groups:
            (shown,) = await wire.entries(group, scope=0, names=("member",))
            assert set(shown.texts("member")) == {f"CN=ann,CN=Users,{ROOT}", f"CN=ann,CN=Users,{CHILD}"}
        (ann,) = await wire.entries(f"CN=ann,CN=Users,{CHILD}", scope=0, names=("memberOf",))
        assert set(ann.texts("memberOf")) == set(groups)

    async def in_the_first(wire: Wire) -> None:
        (ann,) = await wire.entries(f"CN=ann,CN=Users,{ROOT}", scope=0, names=("memberOf",))
        assert ann.texts("memberOf") == groups[:1]

    talk(service, in_the_child, "emea-dc1")
    talk(service, in_the_first)


def test_global_catalog(service: Service) -> None:
    """Both domains, from the root or from nowhere; the partial attribute set; members of universal groups only."""

    async def reading(wire: Wire) -> None:
        people = {f"CN=ann,CN=Users,{ROOT}", f"CN=ann,CN=Users,{CHILD}"}
        for base in (ROOT, ""):
            assert _found(await wire.entries(base, condition=equal("sAMAccountName", "ann"))) == people
            replies = await wire.search(base, condition=equal("cn", "nothing"))
            assert not [url for reply in replies for url in reply.referrals]
        (ann,) = await wire.entries(f"CN=ann,CN=Users,{CHILD}", scope=0, names=("*", "title", "memberOf"))
        assert ann.texts("mail") == ["ann@x.example"]
        assert "title" not in ann.values
        assert ann.texts("memberOf") == [f"CN=everybody,CN=Users,{CHILD}"]
        assert not await wire.entries(ROOT, condition=equal("title", "baker"))
        for name, count in (("everybody", 2), ("some", 0)):
            (group,) = await wire.entries(f"CN={name},CN=Users,{CHILD}", scope=0, names=("member",))
            assert len(group.texts("member")) == count
        holders = await wire.entries(ROOT, condition=equal("member", f"CN=ann,CN=Users,{ROOT}"))
        assert _found(holders) == {f"CN=everybody,CN=Users,{CHILD}"}
        await wire.describe(f"CN=ann,CN=Users,{ROOT}", "x")
        assert (await wire.reply()).referrals == [f"ldap://contoso.com/CN=ann,CN=Users,{ROOT}"]

    talk(service, reading, catalog=True)


def test_a_phantom_root(service: Service) -> None:
    """The search options control looks below the root into every naming context that the controller holds."""

    async def reading(wire: Wire) -> None:
        control = Wire.control("1.2.840.113556.1.4.1340", PHANTOM_ROOT)
        found = await wire.entries(ROOT, condition=equal("objectClass", "crossRefContainer"), controls=control)
        assert _found(found) == {f"CN=Partitions,{CONFIGURATION}"}
        assert len(await wire.entries(ROOT, condition=equal("sAMAccountName", "ann"), controls=control)) == 1

    talk(service, reading)


def test_a_read_only_controller_refers_writes(service: Service) -> None:
    """Every kind of write, to a writable controller; nothing is written."""
    before = service.store.usn

    async def writing(wire: Wire) -> None:
        dn = f"CN=ann,CN=Users,{ROOT}"
        await wire.describe(dn, "x")
        await wire.delete(dn)
        await wire.add_group(f"CN=new,CN=Users,{ROOT}")
        await wire.rename(dn, "CN=anna")
        for name in (dn, dn, f"CN=new,CN=Users,{ROOT}", dn):
            refused = await wire.reply()
            assert (refused.code, refused.referrals) == (10, [f"ldap://dc1.contoso.com/{name}"])

    talk(service, writing, "rodc1")
    assert service.store.usn == before


def test_cross_references(service: Service) -> None:
    """Partitions names every domain with DNS and NetBIOS name."""

    async def reading(wire: Wire) -> None:
        found = await wire.entries(CONFIGURATION, condition=equal("nETBIOSName", "EMEA"), names=("nCName", "dnsRoot"))
        assert [(entry.texts("nCName"), entry.texts("dnsRoot")) for entry in found] == [([CHILD], ["emea.contoso.com"])]

    talk(service, reading)


def test_deleted_objects_stay_in_their_domain(service: Service) -> None:
    """Below the Deleted Objects of the naming context they stood in."""
    store = service.store
    store.add(f"CN=gone,CN=Users,{CHILD}", {"objectClass": ["group"]})
    guid = store.node(f"CN=gone,CN=Users,{CHILD}").guid
    store.delete(f"CN=gone,CN=Users,{CHILD}")
    assert store.tree.dn(guid).endswith(f",CN=Deleted Objects,{CHILD}")
