"""Reading Exchange out of the embedded directory."""

from __future__ import annotations

from runbook_lib.directory.connection import Directory
from runbook_lib.exchange.detect import detect
from runbook_lib.exchange.facts import ExchangePresence
from runbook_lib.exchange.read import DomainReading, read_exchange
from runbook_lib.exchange.versions import load_versions
from tests.unit.directory.embedded import BASE, WRITER, Embedded, clock

_CONFIGURATION = f"CN=Configuration,{BASE}"
_ROOT = f"CN=Microsoft Exchange,CN=Services,{_CONFIGURATION}"
_ORGANIZATION = f"CN=Contoso,{_ROOT}"
_SYSTEM_OBJECTS = f"CN=Microsoft Exchange System Objects,{BASE}"


def _install(embedded: Embedded, *, servers: bool = True) -> None:
    store = embedded.store
    store.extend_schema_for_exchange(17003)
    store.add(_ROOT, {"objectClass": "msExchConfigurationContainer"})
    store.add(_ORGANIZATION, {"objectClass": "msExchOrganizationContainer", "objectVersion": "16763"})
    store.add(_SYSTEM_OBJECTS, {"objectClass": "msExchSystemObjectsContainer", "objectVersion": "13243"})
    if servers:
        store.add(
            f"CN=EX1,{_ORGANIZATION}",
            {
                "objectClass": "msExchExchangeServer",
                "serialNumber": "Version 15.2 (Build 32562.17)",
                "msExchCurrentServerRoles": "16439",
            },
        )


def test_a_forest_without_exchange(directory: Directory) -> None:
    reading = read_exchange(directory)
    assert (reading.schema_range_upper, reading.organizations, reading.servers) == (None, (), ())
    assert reading.domains == (DomainReading("contoso.com", None),)
    assert reading.unreadable == ()
    assert reading.at == clock()
    assert detect(reading, load_versions()).presence is ExchangePresence.NONE


def test_schema_organization_domain_and_server(directory: Directory, embedded: Embedded) -> None:
    _install(embedded)
    reading = read_exchange(directory)
    assert reading.schema_range_upper == 17003
    assert [(o.name, o.object_version) for o in reading.organizations] == [("Contoso", 16763)]
    assert reading.domains == (DomainReading("contoso.com", 13243),)
    assert [(s.name, s.serial_number, s.roles) for s in reading.servers] == [
        ("EX1", "Version 15.2 (Build 32562.17)", 16439)
    ]
    assert detect(reading, load_versions()).product == "Exchange Server SE RTM"


def test_an_organization_without_servers(directory: Directory, embedded: Embedded) -> None:
    _install(embedded, servers=False)
    found = detect(read_exchange(directory), load_versions())
    assert found.presence is ExchangePresence.ORGANIZATION_WITHOUT_SERVERS


def test_schema_only(directory: Directory, embedded: Embedded) -> None:
    embedded.store.extend_schema_for_exchange(15334)
    found = detect(read_exchange(directory), load_versions())
    assert (found.presence, found.schema_version) == (ExchangePresence.SCHEMA_ONLY, 15334)


def test_a_hidden_configuration_is_unreadable_and_nothing_else_is(embedded: Embedded) -> None:
    _install(embedded)
    embedded.store.deny_read(WRITER, f"CN=Services,{_CONFIGURATION}")
    with embedded.open() as directory:
        reading = read_exchange(directory)
    assert [u.part for u in reading.unreadable] == ["organization"]
    assert reading.schema_range_upper == 17003
    assert detect(reading, load_versions()).presence is ExchangePresence.UNREADABLE


def test_a_hidden_organization_is_unreadable(embedded: Embedded) -> None:
    _install(embedded)
    embedded.store.deny_read(WRITER, _ORGANIZATION)
    with embedded.open() as directory:
        reading = read_exchange(directory)
    assert [u.part for u in reading.unreadable] == ["organization"]


def test_a_hidden_container_is_noticed_by_the_prepared_domain(embedded: Embedded) -> None:
    _install(embedded)
    services = f"CN=Services,{_CONFIGURATION}"
    embedded.store.descriptors.add_entries(services, f"(D;;LC;;;{embedded.store.sid(WRITER)})")
    with embedded.open() as directory:
        found = detect(read_exchange(directory), load_versions())
    assert found.presence is ExchangePresence.UNREADABLE
    assert [f.id for f in found.findings] == ["exchange-organization-hidden"]


def test_a_hidden_schema_is_unreadable(embedded: Embedded) -> None:
    _install(embedded)
    with embedded.open() as directory:
        embedded.store.deny_read(WRITER, f"CN=Schema,{_CONFIGURATION}")
        reading = read_exchange(directory)
    assert reading.is_unreadable("schema")
    assert reading.schema_range_upper is None
