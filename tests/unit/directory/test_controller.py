"""Which domain controllers are taken, and what is said of those that are not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import pytest

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.search import Entry, guid_bytes, sid_bytes
from runbook_lib.directory.sign_in.connect import read_controller
from runbook_lib.errors import NoAccess, Refused

_BASE = "DC=contoso,DC=com"
_GUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
_SETTINGS = f"CN=NTDS Settings,CN=DC1,CN=Servers,CN=Site,CN=Sites,CN=Configuration,{_BASE}"


def _entry(dn: str, **attributes: str | bytes | list[str]) -> Entry:
    values = {}
    for name, value in attributes.items():
        raw = value if isinstance(value, list) else [value]
        values[name.lower()] = [v.encode() if isinstance(v, str) else v for v in raw]
    return Entry(dn, values)


def _world() -> dict[str, Entry]:
    return {
        "": _entry(
            "",
            defaultNamingContext=_BASE,
            configurationNamingContext=f"CN=Configuration,{_BASE}",
            schemaNamingContext=f"CN=Schema,CN=Configuration,{_BASE}",
            rootDomainNamingContext=_BASE,
            dnsHostName="dc1.contoso.com",
            dsServiceName=_SETTINGS,
            highestCommittedUSN="12345",
            supportedCapabilities=["1.2.840.113556.1.4.800"],
        ),
        _SETTINGS: _entry(_SETTINGS, objectClass=["top", "nTDSDSA"], invocationId=guid_bytes(_GUID)),
        _BASE: _entry(_BASE, objectGUID=guid_bytes(_GUID), objectSid=sid_bytes("S-1-5-21-1-2-3")),
    }


class _Directory:
    """Reads from a dictionary."""

    def __init__(self, world: dict[str, Entry], partitions: Sequence[Entry] = ()) -> None:
        self.world = world
        self.partitions = partitions

    def read_dn(self, dn: str, *_rest: object) -> Entry | None:
        return self.world.get(dn)

    def search(self, base: str, *_rest: object, **_named: object) -> Iterator[Entry]:
        assert base == f"CN=Partitions,CN=Configuration,{_BASE}"
        return iter(self.partitions)


def _changed(world: dict[str, Entry], dn: str, **attributes: str | bytes | list[str]) -> dict[str, Entry]:
    return world | {dn: Entry(dn, {**world[dn].attributes, **_entry(dn, **attributes).attributes})}


def _describe(world: dict[str, Entry], partitions: Sequence[Entry] = ()) -> object:
    return read_controller(cast(Directory, _Directory(world, partitions)), host="dc1", port=636)


def test_other_domains_come_from_the_partitions() -> None:
    partitions = [
        _entry("CN=CONTOSO", nCName="dc=Contoso,dc=com", dnsRoot="Contoso.com"),
        _entry("CN=SALES", nCName=f"DC=sales,{_BASE}", dnsRoot="sales.contoso.com"),
    ]
    described = read_controller(cast(Directory, _Directory(_world(), partitions)), host="dc1", port=636)
    assert described.other_domains == (f"DC=sales,{_BASE}",)
    assert described.domain_dns_name == "contoso.com"
    assert (described.invocation_id, described.highest_committed_usn) == (_GUID, 12345)
    assert (described.domain_guid, described.domain_sid) == (_GUID, "S-1-5-21-1-2-3")


def test_the_dns_name_follows_from_the_dn_where_partitions_are_hidden() -> None:
    described = read_controller(cast(Directory, _Directory(_world())), host="dc1", port=636)
    assert described.domain_dns_name == "contoso.com"


@pytest.mark.parametrize(
    "world",
    [
        _changed(_world(), "", supportedCapabilities=["1.2.840.113556.1.4.800", "1.2.840.113556.1.4.1920"]),
        _changed(_world(), _SETTINGS, objectClass=["top", "nTDSDSA", "nTDSDSARO"]),
        _changed(_world(), _SETTINGS, **{"msDS-isRODC": "TRUE"}),
    ],
)
def test_a_read_only_controller_is_refused(world: dict[str, Entry]) -> None:
    with pytest.raises(Refused) as caught:
        _describe(world)
    assert caught.value.code == "read-only-dc"


@pytest.mark.parametrize("missing", ["defaultnamingcontext", "dsservicename"])
def test_other_ldap_servers_are_refused(missing: str) -> None:
    world = _world()
    root = {name: values for name, values in world[""].attributes.items() if name != missing}
    with pytest.raises(Refused) as caught:
        _describe(world | {"": Entry("", root)})
    assert caught.value.code == "not-a-domain-controller"


@pytest.mark.parametrize("hidden", [_SETTINGS, _BASE])
def test_what_every_account_may_read_must_be_readable(hidden: str) -> None:
    world = {dn: entry for dn, entry in _world().items() if dn != hidden}
    with pytest.raises(NoAccess) as caught:
        _describe(world)
    assert caught.value.code == "controller-unreadable"
