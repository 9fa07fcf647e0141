"""Every row of every table: releases, what pages ask of a server, and states that do not fit together."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from runbook_lib.exchange.detect import detect
from runbook_lib.exchange.facts import ExchangePresence, Facts
from runbook_lib.exchange.read import (
    DomainReading,
    ExchangeReading,
    OrganizationReading,
    ServerReading,
)
from runbook_lib.exchange.requirements import (
    hybrid_update,
    numbers_agree,
    presence,
    server_minimum,
    servers_ahead,
    statements,
)
from runbook_lib.exchange.versions import Build, Release, build_of_version_number, load_versions
from runbook_lib.model.finding import Severity
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.text import t

TABLE = load_versions()
AT = datetime(2026, 11, 22, tzinfo=UTC)
ORGANIZATION = "CN=Contoso,CN=Microsoft Exchange,CN=Services,CN=Configuration,DC=contoso,DC=com"
NAMED = [release for release in TABLE.releases if release.build is not None]


def serial(build: Build) -> str:
    offset = 30000 if build.major >= 8 else 0
    return f"Version {build.major}.{build.minor} (Build {build.build + offset}.{build.revision})"


def packed(build: Build) -> int:
    return (7 << 28) | (build.major << 22) | (build.minor << 16) | (1 << 15) | build.build


def installed(release: Release, **changed: Any) -> ExchangeReading:
    """A forest as that release leaves it, with one server."""
    servers = (ServerReading("EX1", "CN=EX1", serial_number=serial(release.build)),) if release.build else ()
    reading = ExchangeReading(
        at=AT,
        schema_range_upper=release.schema,
        organizations=(OrganizationReading("Contoso", ORGANIZATION, release.organization),),
        domains=(DomainReading("contoso.com", release.domains[0]),),
        servers=servers,
    )
    return replace(reading, **changed)


def facts(reading: ExchangeReading) -> Facts:
    return Facts(reading, TABLE)


def names(release: Release) -> str:
    return release.name


@pytest.mark.parametrize("release", TABLE.releases, ids=names)
def test_every_release_is_found_by_its_numbers_and_by_its_build(release: Release) -> None:
    reading = installed(release)
    found = detect(reading, TABLE)
    assert release in TABLE.with_schema(release.schema)
    for domain in release.domains:
        assert release in TABLE.with_domain(domain)
        fitting = detect(replace(reading, domains=(DomainReading("contoso.com", domain),)), TABLE)
        assert (fitting.newer_than_table, fitting.mixture) == (False, ())
    if release.organization is not None:
        assert release in facts(reading).candidates
    if release.build is not None:
        assert found.product == release.name
        assert found.state == "servers"
        assert found.servers[0].product == release.name


@pytest.mark.parametrize("release", NAMED, ids=names)
def test_every_build_reads_the_same_from_both_numbers(release: Release) -> None:
    assert release.build is not None
    assert build_of_version_number(packed(release.build)) == Build(*release.build[:3], 0)
    server = ServerReading("EX1", "CN=EX1", serial(release.build), packed(release.build))
    assert list(numbers_agree(facts(installed(release, servers=(server,))))) == []
    other = replace(server, version_number=packed(release.build) ^ 1)
    (found,) = numbers_agree(facts(installed(release, servers=(other,))))
    assert (found.id, found.severity) == ("exchange-server-numbers-differ:EX1", Severity.INFO)


@pytest.mark.parametrize("release", NAMED, ids=names)
def test_support_is_told_to_the_day(release: Release) -> None:
    def ended(day: date) -> list[object]:
        at = datetime(day.year, day.month, day.day, tzinfo=UTC)
        findings = detect(installed(release, at=at), TABLE).findings
        return [f.values["ended"] for f in findings if f.id.startswith("exchange-out-of-support")]

    assert ended(release.support_ends) == []
    assert ended(release.support_ends + timedelta(days=1)) == [release.support_ends.isoformat()]


ENDS = {
    "2000": "2011-01-11",
    "2003": "2014-04-08",
    "2007": "2017-04-11",
    "2010": "2020-10-13",
    "2013": "2023-04-11",
    "2016": "2025-10-14",
    "2019": "2025-10-14",
    "SE": "2035-12-31",
}


@pytest.mark.parametrize("release", TABLE.releases, ids=names)
def test_the_end_of_support_belongs_to_the_product(release: Release) -> None:
    assert release.support_ends.isoformat() == ENDS[release.product.removeprefix("Exchange Server ")]


# The first release of each line that meets each statement.
FIRST_THAT_MEETS = {
    "connect-preview": ("2013 CU8", "2016 RTM", "2019 RTM", "SE RTM"),
    "exchange-groups-page": ("2013 CU11", "2016 CU1", "2019 RTM", "SE RTM"),
    "writeback-v2-page": ("", "2016 CU15", "2019 RTM", "SE RTM"),
}


@pytest.mark.parametrize("statement", statements(), ids=lambda s: s.id)
@pytest.mark.parametrize("release", NAMED, ids=names)
def test_what_each_page_asks(release: Release, statement: Any) -> None:
    firsts = {}
    for text in FIRST_THAT_MEETS[statement.id]:
        product, _, number = text.partition(" ")
        if text:
            firsts[f"Exchange Server {product}"] = number
    assert release.build is not None
    wanted = False
    if release.product in firsts:
        line = [r for r in NAMED if r.product == release.product]
        first = next(r for r in line if r.release == firsts[release.product])
        wanted = release.position >= first.position
    assert statement.met_by(release.build) is wanted


@pytest.mark.parametrize("release", NAMED, ids=names)
def test_a_server_that_pages_find_too_old(release: Release) -> None:
    assert release.build is not None
    unmet = [s.id for s in statements() if not s.met_by(release.build)]
    found = list(server_minimum(facts(installed(release))))
    assert [f.values["unmet"] for f in found] == ([unmet] if unmet else [])
    for finding in found:
        all_agree = len(unmet) == len(statements())
        assert finding.severity is (Severity.BLOCKING if all_agree else Severity.WARNING)
        assert ("Enough for" in finding.seen) is not all_agree
        assert all(statement.source in finding.source for statement in statements())


@pytest.mark.parametrize("release", NAMED, ids=names)
def test_a_hybrid_wants_the_latest_two_updates(release: Release) -> None:
    latest = [r for r in TABLE.releases if r.product == release.product][-2:]
    found = [f.id for f in hybrid_update(facts(installed(release)))]
    assert found == ([] if release in latest else ["exchange-hybrid-update:EX1"])


def test_a_newer_server_is_too_old_for_nothing() -> None:
    server = ServerReading("EX1", "CN=EX1", "Version 16.0 (Build 30100.1)")
    reading = installed(TABLE.newest, servers=(server,))
    assert list(server_minimum(facts(reading))) == list(hybrid_update(facts(reading))) == []


@pytest.mark.parametrize("state", list(ExchangePresence))
def test_pages_disagree_where_exchange_is_not_in_ad(state: ExchangePresence) -> None:
    readings = {
        ExchangePresence.NONE: ExchangeReading(at=AT),
        ExchangePresence.SCHEMA_ONLY: ExchangeReading(at=AT, schema_range_upper=17003),
        ExchangePresence.ORGANIZATION_WITHOUT_SERVERS: installed(TABLE.newest, servers=()),
        ExchangePresence.SERVERS: installed(TABLE.newest),
        ExchangePresence.UNREADABLE: ExchangeReading(
            at=AT, unreadable=(Unreadable("organization", "hidden", t("no rights")),)
        ),
    }
    given = facts(readings[state])
    assert given.presence is state
    found = list(presence(given))
    assert bool(found) is (state in (ExchangePresence.NONE, ExchangePresence.SCHEMA_ONLY))
    for finding in found:
        assert finding.severity is Severity.WARNING
        for page in ("install-custom", "version-history", "writeback-v2"):
            assert page in finding.source


def test_a_server_ahead_of_the_organization() -> None:
    by_name = {release.name: release for release in TABLE.releases}
    old = by_name["Exchange Server 2019 CU12"]
    newer = installed(by_name["Exchange Server 2019 CU14"]).servers
    reading = installed(old, servers=newer)
    (found,) = servers_ahead(facts(reading))
    assert (found.id, found.values["expected"]) == ("exchange-server-ahead:EX1", 16762)
    assert detect(reading, TABLE).state == "mixture"
    assert (
        list(servers_ahead(facts(installed(by_name["Exchange Server 2019 CU14"], servers=installed(old).servers))))
        == []
    )


STATES = [
    (ExchangeReading(at=AT), "none"),
    (ExchangeReading(at=AT, schema_range_upper=17003), "schema-only"),
    (installed(TABLE.newest, servers=()), "organization-without-servers"),
    (installed(TABLE.newest), "servers"),
    (installed(TABLE.newest, domains=(DomainReading("a.example", None),)), "servers"),
    (installed(TABLE.newest, domains=(DomainReading("a.example", 13240),)), "mixture"),
    (installed(TABLE.newest, organizations=(OrganizationReading("C", ORGANIZATION, 16213),)), "mixture"),
    (installed(TABLE.newest, schema_range_upper=17004), "newer"),
    (installed(TABLE.newest, domains=(DomainReading("a.example", 99999),)), "newer"),
    (ExchangeReading(at=AT, unreadable=(Unreadable("schema", "hidden", t("no rights")),)), "unreadable"),
    (ExchangeReading(at=AT, domains=(DomainReading("a.example", 13243),)), "unreadable"),
]


@pytest.mark.parametrize(("reading", "state"), STATES)
def test_results_are_told_apart(reading: ExchangeReading, state: str) -> None:
    found = detect(reading, TABLE)
    assert found.state == state
    assert found.as_json()["state"] == state
    assert found.title


def test_another_domain_says_how_to_look() -> None:
    reading = installed(
        TABLE.newest, unreadable=(Unreadable("domain:DC=sales,DC=contoso,DC=com", "hidden", t("elsewhere")),)
    )
    (found,) = detect(reading, TABLE).findings
    assert found.severity is Severity.WARNING
    assert "CN=Microsoft Exchange System Objects,DC=sales,DC=contoso,DC=com" in found.to_do
