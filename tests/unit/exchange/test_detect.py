"""Every state of Exchange in a forest, from plain readings: no directory, no network."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from runbook_lib.exchange.detect import detect
from runbook_lib.exchange.facts import ExchangeDetection, ExchangePresence
from runbook_lib.exchange.read import (
    DomainReading,
    ExchangeReading,
    OrganizationReading,
    ServerReading,
)
from runbook_lib.exchange.versions import load_versions
from runbook_lib.model.finding import Severity
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.text import t

_TABLE = load_versions()
_AT = datetime(2026, 11, 22, tzinfo=UTC)
_ORGANIZATION = "CN=Contoso,CN=Microsoft Exchange,CN=Services,CN=Configuration,DC=contoso,DC=com"
_NONE = ExchangeReading(at=_AT, domains=(DomainReading("contoso.com", None),))
_SE = "Version 15.2 (Build 32562.17)"
_CU15 = "Version 15.2 (Build 31748.10)"


def _server(name: str, serial: str | None = _SE, **changed: object) -> ServerReading:
    site = "CN=Main\\, North,CN=Sites,CN=Configuration,DC=contoso,DC=com"
    server = ServerReading(name, f"CN={name},{_ORGANIZATION}", serial_number=serial, roles=16439, site=site)
    return replace(server, **changed)  # type: ignore[arg-type]


def _reading(
    schema: int | None = 17003,
    organization: int | None = 16763,
    domain: int | None = 13243,
    servers: tuple[ServerReading, ...] = (),
    unreadable: tuple[Unreadable, ...] = (),
) -> ExchangeReading:
    return ExchangeReading(
        at=_AT,
        schema_range_upper=schema,
        organizations=(OrganizationReading("Contoso", _ORGANIZATION, organization),),
        domains=(DomainReading("contoso.com", domain),),
        servers=servers,
        unreadable=unreadable,
    )


def _ids(detection: ExchangeDetection) -> list[str]:
    return [finding.id for finding in detection.findings]


def test_no_exchange() -> None:
    found = detect(_NONE, _TABLE)
    assert found.presence is ExchangePresence.NONE
    assert (found.schema_extended, found.organization_present, found.servers_present) == (False, False, False)
    assert (found.product, found.newer_than_table) == ("", False)
    assert found.statements == ("No Exchange: the schema is not extended and there is no organization.",)
    assert _ids(found) == ["exchange-none"]
    assert [(row.seen, row.meaning) for row in found.components] == [("absent", "not prepared for Exchange")] * 3


def test_schema_only() -> None:
    found = detect(replace(_NONE, schema_range_upper=15334), _TABLE)
    assert found.presence is ExchangePresence.SCHEMA_ONLY
    assert (found.schema_extended, found.organization_present) == (True, False)
    assert "Exchange Server 2016 CU21 to CU23" in found.statements[0]
    assert _ids(found) == ["exchange-schema-only"]


def test_organization_without_servers() -> None:
    found = detect(_reading(), _TABLE)
    assert found.presence is ExchangePresence.ORGANIZATION_WITHOUT_SERVERS
    assert (found.organization_present, found.servers_present) == (True, False)
    assert found.product == "Exchange Server 2019 CU15 or Exchange Server SE RTM"
    assert "no servers" in found.statements[0]
    assert _ids(found) == ["exchange-without-servers"]


def test_se_with_two_servers() -> None:
    found = detect(_reading(servers=(_server("EX1"), _server("EX2"))), _TABLE)
    assert found.presence is ExchangePresence.SERVERS
    assert found.statements == (
        "Exchange Server SE RTM: schema 17003, organization 16763, domain preparation 13243; 2 servers (EX1, EX2).",
    )
    assert found.findings == ()
    row = found.servers[0]
    assert (row.name, row.product, row.build) == ("EX1", "Exchange Server SE RTM", "15.2.2562.17")
    assert (row.roles, row.site) == ("Mailbox, Client Access, Unified Messaging, Hub Transport", "Main, North")


def test_2019_cu15_is_told_from_se_by_the_build_only() -> None:
    found = detect(_reading(servers=(_server("EX1", _CU15),)), _TABLE)
    assert found.product == "Exchange Server 2019 CU15"
    assert "1 server (EX1)" in found.statements[0]
    assert _ids(found) == ["exchange-out-of-support:exchange-server-2019"]
    assert found.findings[0].values["ended"] == "2025-10-14"


def test_support_is_judged_at_the_day_of_the_reading() -> None:
    reading = _reading(servers=(_server("EX1", _CU15),))
    assert detect(replace(reading, at=datetime(2025, 10, 14, 23, tzinfo=UTC)), _TABLE).findings == ()


def test_a_build_from_the_version_number_where_the_serial_number_is_hidden() -> None:
    version = 7 << 28 | 15 << 22 | 1 << 16 | 1 << 15 | 2507
    server = _server("EX1", None, version_number=version)
    found = detect(_reading(15334, 16223, servers=(server,)), _TABLE)
    assert found.product == "Exchange Server 2016 CU23"
    assert found.servers[0].build == "15.1.2507.0"


def test_a_server_without_a_version() -> None:
    found = detect(_reading(servers=(_server("EX1", None, roles=None, site=None),)), _TABLE)
    assert found.product == "Exchange Server 2019 CU15 or Exchange Server SE RTM"
    assert _ids(found) == ["exchange-server-version-unknown:EX1"]
    row = found.servers[0]
    assert (row.product, row.build, row.roles, row.site) == ("unknown: no readable version", "", "not readable", "")


def test_servers_of_two_releases() -> None:
    found = detect(_reading(servers=(_server("EX1"), _server("EX2", _CU15))), _TABLE)
    assert found.product == "Exchange Server 2019 CU15 and Exchange Server SE RTM"
    assert set(_ids(found)) == {"exchange-servers-differ", "exchange-out-of-support:exchange-server-2019"}


@pytest.mark.parametrize(
    ("reading", "component"),
    [
        (_reading(schema=17004), "schema"),
        (_reading(organization=16800), "organization"),
        (_reading(domain=13300), "domain preparation"),
        (_reading(servers=(_server("EX9", "Version 15.2 (Build 33000.1)"),)), "server EX9"),
        (_reading(servers=(_server("EX9", "Version 16.0 (Build 30001.1)"),)), "server EX9"),
    ],
)
def test_higher_numbers_are_newer_and_never_an_error(reading: ExchangeReading, component: str) -> None:
    found = detect(reading, _TABLE)
    assert found.newer_than_table
    newer = next(f for f in found.findings if f.id == "exchange-newer-than-table")
    assert newer.severity is Severity.INFO
    assert newer.values["components"] == [component]
    assert any("Newer than" in sentence for sentence in found.statements)
    assert not any(f.id.startswith("exchange-number-unknown") for f in found.findings)


def test_everything_newer_names_no_release() -> None:
    found = detect(_reading(18000, 17000, 14000, (_server("EX9", "Version 15.3 (Build 30100.1)"),)), _TABLE)
    assert found.product == "Exchange Server, newer than this program's table"
    assert [row.meaning for row in found.components] == ["newer than this program's table"] * 3
    assert found.servers[0].product == "Exchange Server, newer than this program's table"


@pytest.mark.parametrize(("schema", "organization", "part"), [(15318, 16763, "schema"), (17003, 16500, "organization")])
def test_numbers_that_no_release_writes(schema: int, organization: int, part: str) -> None:
    found = detect(_reading(schema, organization), _TABLE)
    assert f"exchange-number-unknown:{part}" in _ids(found)
    assert found.product == ""
    assert not found.newer_than_table


@pytest.mark.parametrize(
    ("schema", "organization", "ahead"), [(17003, 16213, "schema"), (15312, 16763, "organization")]
)
def test_a_mixture(schema: int, organization: int, ahead: str) -> None:
    found = detect(_reading(schema, organization), _TABLE)
    assert f"exchange-{ahead}-ahead" in _ids(found)
    assert found.presence is ExchangePresence.ORGANIZATION_WITHOUT_SERVERS


@pytest.mark.parametrize(("domain", "state"), [(None, "not-prepared"), (13236, "behind"), (13243, ""), (13300, "")])
def test_the_domain_preparation(domain: int | None, state: str) -> None:
    found = detect(_reading(domain=domain), _TABLE)
    assert [i for i in _ids(found) if "domain" in i] == ([f"exchange-domain-{state}:contoso.com"] if state else [])


def test_the_update_of_may_2022_is_not_behind_and_not_ahead() -> None:
    for domain in (13242, 13243):
        found = detect(_reading(15334, 16222, domain), _TABLE)
        assert found.product == "Exchange Server 2016 CU22"
        assert not any("domain" in i for i in _ids(found))


@pytest.mark.parametrize("part", ["schema", "organization"])
def test_what_is_hidden_is_never_called_absent(part: str) -> None:
    found = detect(replace(_NONE, unreadable=(Unreadable(part, "hidden", t("no rights")),)), _TABLE)
    assert found.presence is ExchangePresence.UNREADABLE
    assert found.schema_extended is (None if part == "schema" else False)
    assert found.organization_present is (None if part == "organization" else False)
    assert _ids(found) == [f"exchange-unreadable:{part}"]
    assert "cannot be determined" in found.statements[0]
    assert "not readable" in {row.seen for row in found.components}


def test_hidden_servers() -> None:
    found = detect(_reading(unreadable=(Unreadable("servers", "hidden", t("no rights")),)), _TABLE)
    assert (found.presence, found.servers_present) == (ExchangePresence.UNREADABLE, None)


def test_a_prepared_domain_without_a_visible_organization() -> None:
    reading = replace(_NONE, schema_range_upper=17003, domains=(DomainReading("contoso.com", 13243),))
    found = detect(reading, _TABLE)
    assert found.presence is ExchangePresence.UNREADABLE
    assert _ids(found) == ["exchange-organization-hidden"]


def test_servers_count_even_where_the_schema_is_hidden() -> None:
    reading = _reading(
        schema=None, servers=(_server("EX1"),), unreadable=(Unreadable("schema", "hidden", t("no rights")),)
    )
    found = detect(reading, _TABLE)
    assert (found.presence, found.product) == (ExchangePresence.SERVERS, "Exchange Server SE RTM")


def test_other_domains_that_this_controller_does_not_hold() -> None:
    unreadable = (Unreadable("domain:DC=sales,DC=contoso,DC=com", "hidden", t("ask its own controllers")),)
    found = detect(_reading(servers=(_server("EX1"),), unreadable=unreadable), _TABLE)
    assert found.presence is ExchangePresence.SERVERS
    assert _ids(found) == ["exchange-unreadable:domain:DC=sales,DC=contoso,DC=com"]
    assert found.components[-1].seen == "not readable"


def test_two_organizations() -> None:
    reading = _reading(servers=(_server("EX1"),))
    both = (*reading.organizations, OrganizationReading("Old", "CN=Old", 11222))
    found = detect(replace(reading, organizations=both), _TABLE)
    assert "exchange-several-organizations" in _ids(found)
    assert found.organization_version == 16763


def test_detection_is_pure_and_can_be_written_down() -> None:
    reading = _reading(servers=(_server("EX1"), _server("EX2", _CU15)))
    first, second = detect(reading, _TABLE), detect(reading, load_versions())
    assert first == second
    assert json.loads(json.dumps(first.as_json()))["presence"] == "servers"
    assert json.dumps([finding.as_json() for finding in first.findings])


@pytest.mark.parametrize("presence", list(ExchangePresence))
def test_every_state_has_words(presence: ExchangePresence) -> None:
    assert presence.title
