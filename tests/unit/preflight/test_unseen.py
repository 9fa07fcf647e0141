"""No check calls fine what it did not see, and nobody is sent to a tool that their release does not have."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from runbook_lib.exchange.detect import detect
from runbook_lib.exchange.facts import Facts
from runbook_lib.exchange.mail import ACCEPTED_DOMAINS, HYBRID_CONFIGURATION, NEEDED, AddressPolicy, MailFlowReading
from runbook_lib.exchange.read import DomainReading, ExchangeReading, OrganizationReading, ServerReading
from runbook_lib.exchange.recipients import EXCHANGE_GROUP_ATTRIBUTES
from runbook_lib.exchange.versions import load_versions
from runbook_lib.graph.tenant.parts import Licences
from runbook_lib.model.cloud import Switch
from runbook_lib.model.finding import Severity
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.target import Route
from runbook_lib.model.text import t
from runbook_lib.preflight.assess import Assessment, assess
from runbook_lib.preflight.checks import CHECKS, connect_features, target
from runbook_lib.preflight.derived import NamesAhead
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.parts import MAIL_FLOW
from runbook_lib.preflight.verdict import Verdict
from tests.unit.preflight.builders import (
    AT,
    EXCHANGE_AND_MAIL,
    GROUPS,
    ORGANIZATION,
    accepted,
    connector,
    dns,
    domains,
    evidence,
    flow,
    group,
    groups,
    licence,
    tenant,
    with_parts,
    written,
)

TABLE = load_versions()
SERVER_2003 = ServerReading("OLD1", "CN=OLD1", serial_number="Version 6.5 (Build 7638.2: Service Pack 2)")
SERVER_SE = ServerReading("EX1", "CN=EX1", serial_number="Version 15.2 (Build 32562.17)")
ABSENT_2003 = flow(
    absent=frozenset({*NEEDED[ACCEPTED_DOMAINS], *NEEDED[HYBRID_CONFIGURATION]}),
    accepted_domains=(),
    send_connectors=(connector("SMTP", "smtp:*;1"),),
    hybrid=False,
)


def reading(
    schema: int | None = 17003,
    organization: int | None = 16763,
    domain: int | None = 13243,
    servers: tuple[ServerReading, ...] = (SERVER_SE,),
    **changed: Any,
) -> ExchangeReading:
    whole = ExchangeReading(
        at=AT,
        schema_range_upper=schema,
        organizations=(OrganizationReading("Contoso", ORGANIZATION, organization),),
        domains=(DomainReading("contoso.com", domain),),
        servers=servers,
    )
    return replace(whole, **changed)


OLD = reading(6870, None, None, (SERVER_2003,))
"""Exchange 2003 as a strange schema showed it: an organization without objectVersion, a domain never prepared."""


def whole(**parts: Any) -> Evidence:
    given: dict[str, Any] = {
        "exchange": reading(),
        "group_schema": frozenset(row.attribute for row in EXCHANGE_GROUP_ATTRIBUTES),
        "mail_flow": flow(),
        "mail_domains": domains(),
        "dns": dns(),
        "groups": groups(group("Sales", "other@contoso.com")),
        "written_groups": (written("Sales"),),
        "address_holders": (),
        "names": NamesAhead((), ()),
        "tenant": tenant(),
    }
    return evidence(**{**given, **parts})


def states(given: Evidence) -> dict[str, str]:
    return {result.check.id: result.state for result in assess(given, CHECKS).results}


def texts(found: Assessment) -> str:
    said = [" ".join((f.seen, f.expected, f.why, f.to_do)) for f in found.findings]
    return "\n".join([*said, *(offer.where + offer.text for offer in found.hand_offs)])


def test_an_organization_without_a_number_and_a_domain_without_preparation() -> None:
    found = detect(OLD, TABLE)
    ids = [finding.id for finding in found.findings]
    assert {"exchange-number-absent:organization:Contoso", "exchange-domain-not-prepared:contoso.com"} <= set(ids)
    assert (found.state, found.mixture, found.unprepared_domains) == ("servers", (), ("contoso.com",))
    assert found.title == "Exchange organization with servers, a domain not prepared"
    assert found.product == "Exchange Server 2003 RTM to SP2"
    assert "The organization Contoso shows no objectVersion." in found.statements
    assert "The domain contoso.com is not prepared for Exchange." in found.statements
    rows = {row.component.split()[0]: (row.seen, row.meaning) for row in found.components}
    assert rows["Organization"] == ("not shown", "absent, or hidden from this account")
    assert rows["Domain"] == ("absent", "not prepared for Exchange")


SHELL_AND_WIZARD = re.compile(
    r"Management Shell|\b(?:Get|Set|New|Update|Search)-[A-Z]\w+|/Prepare|[Rr]un the Hybrid Configuration Wizard"
)


@pytest.mark.parametrize("flow_seen", [ABSENT_2003, flow(hybrid=False, send_connectors=())])
@pytest.mark.parametrize("exchange", [OLD, reading(6870, 6903, None, (SERVER_2003,)), reading(6870, 6903, 6936, ())])
def test_nobody_is_sent_to_a_shell_or_wizard_that_exchange_2003_does_not_have(
    exchange: ExchangeReading, flow_seen: MailFlowReading
) -> None:
    exchange = replace(exchange, other_domains=("DC=emea,DC=contoso,DC=com",))
    found = assess(whole(exchange=exchange, mail_flow=flow_seen), EXCHANGE_AND_MAIL)
    assert SHELL_AND_WIZARD.findall(texts(found)) == []
    assert Facts(exchange, TABLE).tools.shell is Switch.OFF
    assert "Exchange System Manager" in texts(found)
    se = assess(whole(mail_flow=flow_seen), EXCHANGE_AND_MAIL)
    assert "Exchange System Manager" not in texts(se)


@pytest.mark.parametrize(
    ("exchange", "shell", "wizard"),
    [
        (OLD, Switch.OFF, Switch.OFF),
        (reading(10637, 10666, 10628, ()), Switch.ON, Switch.OFF),
        (reading(14622, 12640, 12639, ()), Switch.ON, Switch.OFF),
        (reading(14726, 13214, 13040, ()), Switch.ON, Switch.OFF),
        (reading(14732, 14247, 13040, ()), Switch.ON, Switch.ON),
        (reading(), Switch.ON, Switch.ON),
        (reading(99999, 99999, 99999, ()), Switch.ON, Switch.ON),
        # Its servers are old, but newer management tools prepared the organization.
        (reading(10637, 10666, 10628, (SERVER_2003,)), Switch.ON, Switch.OFF),
        (reading(6870, None, None, ()), Switch.UNKNOWN, Switch.UNKNOWN),
    ],
)
def test_what_a_release_is_managed_with(exchange: ExchangeReading, shell: Switch, wizard: Switch) -> None:
    tools = Facts(exchange, TABLE).tools
    assert (tools.shell, tools.wizard) == (shell, wizard)
    if shell is Switch.UNKNOWN:
        assert "Management Shell" in tools.name
        assert "System Manager" in tools.name


def test_the_hybrid_object_came_with_exchange_2010_sp2() -> None:
    lacking = flow(absent=frozenset(NEEDED[HYBRID_CONFIGURATION]), hybrid=False)
    found = assess(whole(mail_flow=lacking), EXCHANGE_AND_MAIL)
    (one,) = [f for f in found.findings if f.id == "mail-flow-not-in-schema:hybrid-configuration"]
    assert one.expected == "A schema of Exchange Server 2010 SP2 or newer."
    assert "Active Directory Schema Changes Reference" in one.source
    (other,) = [
        f
        for f in assess(whole(mail_flow=flow(absent=frozenset({"routingList"}))), EXCHANGE_AND_MAIL).findings
        if f.id == "mail-flow-not-in-schema:send-connectors"
    ]
    assert other.expected == "A schema of Exchange Server 2000 RTM or newer."


HIDDEN = (Unreadable("organization", "hidden", t("no rights")), Unreadable("servers", "hidden", t("no rights")))
OF_SERVERS = {
    *("exchange-out-of-support", "exchange-servers-differ", "exchange-server-too-old", "exchange-hybrid-update"),
    *("exchange-server-ahead", "exchange-server-numbers-differ", "exchange-server-version-unknown"),
}
OF_ORGANIZATION = {"exchange-ahead", "exchange-domain", "exchange-number-unknown", "exchange-server-ahead"}


@pytest.mark.parametrize(
    ("given", "not_fine"),
    [
        (whole(exchange=reading(organization=None)), {*OF_ORGANIZATION, "exchange-number-absent"}),
        (whole(exchange=reading(schema=None)), {"exchange-ahead", "exchange-number-absent", "exchange-number-unknown"}),
        (whole(exchange=reading(domain=None)), {"exchange-domain"}),
        (whole(exchange=reading(organization=16500)), OF_ORGANIZATION),
        (whole(exchange=reading(organization=99999)), OF_ORGANIZATION),
        (whole(exchange=reading(domain=13239)), {"exchange-domain"}),
        (whole(exchange=reading(domain=11111)), {"exchange-number-unknown", "exchange-domain"}),
        (
            whole(exchange=reading(domains=(), unreadable=(Unreadable("domain:contoso.com", "hidden", t("hidden")),))),
            {"exchange-domain", "exchange-number-unknown"},
        ),
        (whole(exchange=reading(servers=(replace(SERVER_SE, serial_number=None),))), OF_SERVERS),
        (
            whole(exchange=reading(servers=(replace(SERVER_SE, serial_number="Version 7.0 (Build 1.1)"),))),
            OF_SERVERS - {"exchange-server-version-unknown"} | {"exchange-server-release-unknown"},
        ),
        (whole(exchange=reading(servers=())), OF_SERVERS),
        (
            whole(exchange=ExchangeReading(at=AT, schema_range_upper=17003, unreadable=HIDDEN)),
            {*OF_SERVERS, *OF_ORGANIZATION, "exchange-absent", "exchange-pages-disagree", "exchange-without-servers"},
        ),
        (whole(exchange=ExchangeReading(at=AT)), {*OF_SERVERS, "exchange-ahead", "exchange-domain"}),
        (whole(mail_domains=domains(routing="")), {"mail-send-connector", "mail-routing-domain"}),
        (whole(mail_flow=flow(policies=())), {"mail-address-policy"}),
        (whole(mail_flow=flow(policies=(AddressPolicy("P", ()),))), {"mail-address-policy"}),
        (whole(mail_flow=flow(send_connectors=(connector("A"),))), {"mail-address-space-unread"}),
        (whole(mail_flow=flow(send_connectors=())), {"mail-address-space-unread"}),
        (whole(mail_flow=flow(accepted_domains=(accepted(GROUPS), accepted("")))), {"mail-accepted-domain"}),
        (whole(tenant=tenant(licences=Licences((licence(enabled=None),)))), {"licences"}),
        (
            with_parts(whole(), mail_domains=replace(domains(), groups=())),
            {"dns-mx", "dns-autodiscover", "groups-domain", "mail-accepted-domain", "mail-address-policy"},
        ),
        (
            whole(mail_flow=MailFlowReading()),
            {check.id for check in CHECKS if MAIL_FLOW in check.needs},
        ),
        (whole(), {"names-free", "names-differ", "names-possible"}),
    ],
)
def test_what_was_not_seen_is_not_fine(given: Evidence, not_fine: set[str]) -> None:
    found = states(given)
    assert {check for check in not_fine if found[check] == "fine"} == set()


def test_selected_security_groups_are_not_looked_up_and_that_is_said() -> None:
    told = {"select_names": ["*"], "select_kinds": ["security"]}
    given = replace(whole(), parameters=whole().parameters.model_copy(update=told))
    found = assess(given, [check for check in CHECKS if check.id.startswith("names-")])
    assert {finding.id for finding in found.findings} == {"names-not-looked-up:security"}
    assert {result.state for result in found.results} == {"info"}


def test_a_build_that_is_not_shown_leaves_connect_sync_unknown() -> None:
    checks = [check for check in CHECKS if check.id.startswith("exchange-")]
    hidden = reading(servers=(replace(SERVER_SE, serial_number=None),))
    found = assess(evidence(exchange=hidden), checks)
    assert found.verdict(Route.CONNECT_SYNC) is Verdict.UNKNOWN
    assert found.verdict(Route.DIRECT) is Verdict.READY
    (one,) = [f for f in found.findings if f.id == "exchange-server-version-unknown:EX1"]
    assert one.severity is Severity.UNKNOWN


OTHERS = {check.id for module in (connect_features, target) for check in module.CHECKS}
GOOD_WHERE_EMPTY = {
    # Titles that are true of an empty reading: nothing hidden, nothing foreign, nothing in excess.
    *("exchange-unreadable", "dns-cloud", "permissions-excess", "mail-forest-not-searched"),
    *("mail-address-book", "mail-secondary-addresses", "mail-address-taken"),
}


def test_an_empty_reading_is_fine_in_nothing_but_emptiness() -> None:
    """Everything can be read, and there is nothing: the kind of all cases above, over every check."""
    empty = evidence(
        exchange=ExchangeReading(at=AT),
        group_schema=frozenset(),
        mail_flow=MailFlowReading(),
        mail_domains=replace(domains(), groups=(), routing=""),
        dns=dns(),
        groups=groups(),
        written_groups=(),
        address_holders=(),
        names=NamesAhead((), ()),
        tenant=tenant(licences=Licences(()), domains=()),
    )
    fine = {check for check, state in states(empty).items() if state == "fine" and check not in OTHERS}
    allowed = {check for check in fine if check.startswith(("cloud-", "synchronization-", "connect-"))}
    assert fine - allowed == GOOD_WHERE_EMPTY
