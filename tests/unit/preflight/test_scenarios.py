"""Each scenario of the rehearsal, read out of the embedded directory and judged; no process, no tenant."""

from __future__ import annotations

from typing import NoReturn

import pytest

from rehearsal.contoso import names
from rehearsal.contoso.exchange import CONNECTOR, STATES, hide_exchange, install_exchange, releases, spoil_mail_flow
from rehearsal.directory.schema import extend_for_exchange, load_schema
from runbook_lib.dns import DnsAnswer, State
from runbook_lib.errors import NoAccess
from runbook_lib.exchange.detect import detect
from runbook_lib.exchange.mail import DomainType, address_space, covers, read_mail_flow
from runbook_lib.exchange.recipients import (
    EXCHANGE_GROUP_ATTRIBUTES,
    GroupAttribute,
    names_in_schema,
    read_address_holders,
    read_written_groups,
)
from runbook_lib.exchange.versions import build_of_serial, load_versions
from runbook_lib.model.finding import Severity
from runbook_lib.model.target import Route
from runbook_lib.model.text import t
from runbook_lib.parameters.model import Parameters
from runbook_lib.preflight import parts as reading
from runbook_lib.preflight.assess import Assessment, assess
from runbook_lib.preflight.checks import CHECKS
from runbook_lib.preflight.checks.forest import attribute_missing
from runbook_lib.preflight.parts import DNS, EXCHANGE, GROUPS, MAIL_DOMAINS, MAIL_FLOW
from runbook_lib.preflight.reach import Reach
from runbook_lib.preflight.read import read_evidence
from runbook_lib.preflight.verdict import Verdict
from tests.unit.directory.embedded import BASE, RETIRED, TARGET, WRITER, Embedded, clock
from tests.unit.preflight.builders import AT, EXCHANGE_AND_MAIL, evidence, group_id

ORGANIZATION = f"CN={names.EXCHANGE_ORGANIZATION},CN=Microsoft Exchange,CN=Services,CN=Configuration,{BASE}"
ANSWERS = {
    "good": (State.ANSWERED, ("x.mail.protection.outlook.com",), State.ANSWERED, ("autodiscover.outlook.com",)),
    "broken": (State.ANSWERED, ("mail.contoso.com",), State.NO_NAME, ()),
}


class FakeResolver:
    """Answers as the rehearsal's DNS server does."""

    source = "192.0.2.53:53"

    def __init__(self, mail_flow: str) -> None:
        mx, mx_values, auto, auto_values = ANSWERS[mail_flow]
        self.answers = {"MX": (mx, mx_values), "CNAME": (auto, auto_values)}

    def ask(self, name: str, kind: str) -> DnsAnswer:
        state, values = self.answers[kind]
        return DnsAnswer(name, kind, state, values)  # type: ignore[arg-type]


def no_graph() -> NoReturn:
    raise NoAccess(t("No sign-in."), code="no-sign-in")


def assessed(
    embedded: Embedded, monkeypatch: pytest.MonkeyPatch, *, exchange: str = "se", mail_flow: str = "good"
) -> Assessment:
    install_exchange(embedded.store, exchange, mail_flow)
    embedded.store.add(names.GROUPS_OU, {"objectClass": "organizationalUnit"})
    spoil_mail_flow(embedded.store, mail_flow)
    hide_exchange(embedded.store, exchange, WRITER)
    monkeypatch.setattr(reading, "Resolver", lambda *_, **__: FakeResolver(mail_flow))
    parameters = Parameters.model_validate({"groups_domain": names.GROUP_MAIL_DOMAIN})
    with embedded.open() as directory:
        found = read_evidence(parameters, Reach(directory=lambda: directory, graph=no_graph), clock=clock)
    return assess(found, EXCHANGE_AND_MAIL)


EXPECTED = {
    "none": ("none", {"exchange-none", "exchange-pages-disagree", "group-attribute-missing:mailNickname"}),
    "schema-only": ("schema-only", {"exchange-schema-only", "exchange-pages-disagree"}),
    "2016-cu23": ("servers", {"exchange-out-of-support:exchange-server-2016"}),
    "2019-cu15": ("servers", {"exchange-out-of-support:exchange-server-2019"}),
    "se": ("servers", set()),
    "mixed": (
        "mixture",
        {"exchange-schema-ahead", "exchange-domain-behind:contoso.com", "exchange-out-of-support:exchange-server-2016"},
    ),
    "future": ("newer", {"exchange-newer-than-table"}),
    "hidden": ("unreadable", {"exchange-unreadable:organization", "part-unreadable:mail_flow"}),
}


@pytest.mark.parametrize("exchange", names.EXCHANGES)
def test_every_state_of_exchange(embedded: Embedded, monkeypatch: pytest.MonkeyPatch, exchange: str) -> None:
    found = assessed(embedded, monkeypatch, exchange=exchange)
    state, ids = EXPECTED[exchange]
    assert detect(found.evidence[EXCHANGE], load_versions()).state == state
    told = {finding.id for finding in found.findings if finding.id.startswith(("exchange-", "group-", "part-"))}
    silent = {"part-unreadable:tenant"}
    missing = {i for i in told if i.startswith("group-attribute-missing")} if exchange == "none" else set()
    assert ids <= told
    assert told - silent - missing - ids <= {"exchange-server-ahead:EX01", "exchange-server-ahead:EX02"}
    verdict = found.verdict(Route.CONNECT_SYNC)
    assert verdict is (Verdict.UNKNOWN if exchange == "hidden" else Verdict.WARNINGS)
    # Without the cloud's groups nobody knows whether an object of AD holds one of their addresses; Exchange itself
    # matters to direct writing in no state.
    (direct,) = [one for one in found.verdicts if one.route is Route.DIRECT]
    assert direct.verdict is Verdict.WARNINGS
    assert [finding.id for finding in direct.because] == ["part-unreadable:tenant"]
    assert set(EXPECTED) == set(STATES) == set(names.EXCHANGES)


@pytest.mark.parametrize("exchange", ["2007-sp3", "2013-cu23", "2019-cu9"])
def test_any_release_can_stand_in_the_directory(
    embedded: Embedded, monkeypatch: pytest.MonkeyPatch, exchange: str
) -> None:
    """What is read of it is that release's row of the version table."""
    reading = assessed(embedded, monkeypatch, exchange=exchange).evidence[EXCHANGE]
    year, release = exchange.split("-")
    row = next(one for one in load_versions().releases if one.name == f"Exchange Server {year} {release.upper()}")
    organizations = [one.object_version for one in reading.organizations]
    assert (reading.schema_range_upper, organizations) == (row.schema, [row.organization])
    assert [one.object_version for one in reading.domains] == [row.domains[0]]
    assert row.build is not None
    assert {build_of_serial(str(server.serial_number)) for server in reading.servers} == {row.build}


def test_every_release_has_a_name() -> None:
    assert len(releases()) == len(load_versions().releases)
    for name in ("2016-cu23", "2019-cu15"):
        assert releases()[name].organization == STATES[name].organization


def test_se_and_2019_cu15_differ_only_by_the_build(embedded: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    found = assessed(embedded, monkeypatch, exchange="2019-cu15")
    assert detect(found.evidence[EXCHANGE], load_versions()).product == "Exchange Server 2019 CU15"
    se, cu15 = STATES["se"], STATES["2019-cu15"]
    assert (se.schema, se.organization, se.domain) == (cu15.schema, cu15.organization, cu15.domain)


def test_broken_mail_flow_is_not_ready_and_says_what_to_do(embedded: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    found = assessed(embedded, monkeypatch, mail_flow="broken")
    ids = {finding.id.partition(":")[0] for finding in found.findings if finding.severity is not Severity.INFO}
    wanted = {
        "mail-accepted-domain-missing",
        "mail-send-connector-missing",
        "dns-mx-elsewhere",
        "dns-autodiscover",
    }
    assert ids - {"part-unreadable"} == wanted
    assert found.verdict(Route.CONNECT_SYNC) is Verdict.NOT_READY
    texts = {offer.finding.partition(":")[0]: offer.text for offer in found.hand_offs}
    assert set(texts) == wanted
    assert f"'{CONNECTOR}'" in texts["mail-send-connector-missing"]


def test_good_mail_flow_has_no_gap(embedded: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    found = assessed(embedded, monkeypatch)
    assert [f.id for f in found.findings if f.id.startswith(("mail-", "dns-"))] == []
    flow = found.evidence[MAIL_FLOW]
    assert {(one.domain, one.type) for one in flow.accepted_domains} == {
        (names.MAIL_DOMAIN, DomainType.AUTHORITATIVE),
        (names.GROUP_MAIL_DOMAIN, DomainType.INTERNAL_RELAY),
        (names.ROUTING_DOMAIN, DomainType.AUTHORITATIVE),
    }
    assert {c.name for c in flow.connectors_for(names.GROUP_MAIL_DOMAIN)} == {CONNECTOR}
    assert (flow.hybrid, flow.absent) == (True, frozenset())
    assert [p.templates for p in flow.policies] == [(f"SMTP:@{names.MAIL_DOMAIN}",)]
    assert found.evidence.unreadable(GROUPS)


def test_an_unreachable_directory_leaves_everything_unknown() -> None:
    def nothing() -> NoReturn:
        raise NoAccess(t("No connection."), code="dc-unreachable")

    found = read_evidence(Parameters.model_validate({}), Reach(directory=nothing, graph=no_graph), clock=lambda: AT)
    answers = {part.key: found.unreadable(part) for part in (EXCHANGE, MAIL_FLOW, GROUPS, DNS, MAIL_DOMAINS)}
    codes = {name: part.code for name, part in answers.items() if part is not None}
    assert codes == {
        "exchange": "dc-unreachable",
        "mail_flow": "dc-unreachable",
        "groups": "no-sign-in",
        # That no group shows a domain is no reason of its own where the groups could not be read.
        "mail_domains": "no-sign-in",
        "dns": "no-sign-in",
    }
    verdicts = assess(found, EXCHANGE_AND_MAIL)
    assert verdicts.verdict(Route.CONNECT_SYNC) is Verdict.UNKNOWN


def test_a_schema_without_exchange_s_names_leaves_mail_flow_unknown(embedded: Embedded) -> None:
    with embedded.open() as directory:
        found = read_mail_flow(directory, BASE)
        assert names_in_schema(directory, ["mail", "MAIL", "msExchVersion", "group"]) >= {"group"}
    assert "msExchAcceptedDomain" in found.absent
    assert (found.accepted_domains, found.send_connectors, found.hybrid) == ((), (), False)


def test_a_hidden_schema_is_no_absence(embedded: Embedded) -> None:
    with embedded.open() as directory:
        embedded.store.deny_read(WRITER, f"CN=Schema,CN=Configuration,{BASE}")
        with pytest.raises(NoAccess) as caught:
            names_in_schema(directory, ["mail"])
    assert caught.value.code == "schema-unreadable"


@pytest.mark.parametrize("row", EXCHANGE_GROUP_ATTRIBUTES, ids=lambda row: row.attribute)
def test_each_attribute_of_a_group(row: object) -> None:
    everything = frozenset(one.attribute for one in EXCHANGE_GROUP_ATTRIBUTES)
    (attribute,) = [one for one in EXCHANGE_GROUP_ATTRIBUTES if one is row]
    assert list(attribute_missing(attribute, evidence(group_schema=everything))) == []
    (found,) = attribute_missing(attribute, evidence(group_schema=everything - {attribute.attribute}))
    assert found.id == f"group-attribute-missing:{attribute.attribute}"
    (check,) = [one for one in CHECKS if one.id == f"group-attribute-{attribute.attribute}"]
    assert {route.value for route in check.routes} >= set(attribute.routes)
    assert ("no public text" in found.why) is (bool(attribute.routes) and not attribute.confirmed)
    assert attribute.source


@pytest.mark.parametrize("row", EXCHANGE_GROUP_ATTRIBUTES, ids=lambda row: row.attribute)
def test_where_each_attribute_comes_from_is_what_published_schemas_say(row: GroupAttribute) -> None:
    """The embedded directory's schema is that of Windows Server 2016, as published; Exchange's comes on top."""
    base = load_schema()
    in_base = base.attribute(row.attribute) is not None
    in_extended = extend_for_exchange(base, 17003).attribute(row.attribute) is not None
    assert (in_base, in_extended) == (row.comes_with != "exchange", True)


@pytest.mark.parametrize(
    ("route", "attribute", "verdict"),
    [
        (Route.CLOUD_SYNC, "msDS-ExternalDirectoryObjectId", Verdict.NOT_READY),
        (Route.CONNECT_SYNC, "msDS-ExternalDirectoryObjectId", Verdict.READY),
        (Route.CONNECT_SYNC, "mailNickname", Verdict.WARNINGS),
        (Route.CLOUD_SYNC, "mailNickname", Verdict.READY),
        (Route.DIRECT, "mailNickname", Verdict.READY),
        (Route.DIRECT, "extensionName", Verdict.NOT_READY),
        (Route.DIRECT, "adminDescription", Verdict.NOT_READY),
    ],
)
def test_what_a_missing_attribute_means_for_a_route(route: Route, attribute: str, verdict: Verdict) -> None:
    carried = frozenset(one.attribute for one in EXCHANGE_GROUP_ATTRIBUTES) - {attribute}
    checks = [check for check in CHECKS if check.id.startswith("group-attribute")]
    assert assess(evidence(group_schema=carried), checks).verdict(route) is verdict


@pytest.mark.parametrize(
    ("pattern", "domain", "covered"),
    [
        ("*", "a.example", True),
        ("a.example", "A.Example", True),
        ("a.example", "b.a.example", False),
        ("*.a.example", "a.example", True),
        ("*.a.example", "b.a.example", True),
        ("*.a.example", "ba.example", False),
    ],
)
def test_patterns_of_domains(pattern: str, domain: str, covered: bool) -> None:
    assert covers(pattern, domain) is covered


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("smtp:contoso.com;1", "smtp:contoso.com;1"),
        ("SMTP:*.Contoso.com;10", "smtp:*.contoso.com;10"),
        ("contoso.com", "smtp:contoso.com;1"),
        ("*", "smtp:*;1"),
        (" X400:c=us ; 5 ", "x400:c=us;5"),
        ("", None),
        ("a b", None),
        ("smtp:a;b;c", None),
    ],
)
def test_address_spaces(text: str, shown: str | None) -> None:
    found = address_space(text)
    assert (str(found) if found else None) == shown


def test_written_groups_and_holders(embedded: Embedded) -> None:
    anchor = f"Group_{group_id('A')}"
    embedded.add_group("A", adminDescription=anchor, mail="a@x.example", proxyAddresses=["SMTP:a@x.example"])
    embedded.add_group("B", RETIRED, adminDescription="Group_hidden-from-sync")
    embedded.store.add(
        f"CN=C,{TARGET}", {"objectClass": "contact", "proxyAddresses": ["smtp:C@x.example", "x500:/o=c"]}
    )
    many = [f"nobody{number}@x.example" for number in range(100)]
    told: list[int] = []
    with embedded.open() as directory:
        (written,) = read_written_groups(directory)
        holders = read_address_holders(
            directory, ["A@x.example", "c@X.example", *many], lambda done, _: told.append(done)
        )
        assert read_address_holders(directory, []) == ()
    assert (written.group_id, written.mail, written.in_address_book) == (group_id("A"), "a@x.example", False)
    assert [(h.dn, h.object_class, h.addresses, h.group_ids) for h in holders] == [
        (f"CN=A,{TARGET}", "group", ("a@x.example",), frozenset([group_id("A")])),
        (f"CN=C,{TARGET}", "contact", ("c@x.example",), frozenset()),
    ]
    assert told == [0, 40, 80]
