"""Every state of mail flow, DNS and recipients, from plain readings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from runbook_lib.dns import DnsAnswer, State
from runbook_lib.errors import NoAccess
from runbook_lib.exchange.mail import NEEDED, AddressPolicy, DomainType, MailFlowReading
from runbook_lib.exchange.read import ExchangeReading, ServerReading
from runbook_lib.model.addresses import mail_domain, smtp_addresses
from runbook_lib.model.finding import Severity
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.text import t
from runbook_lib.parameters.model import Parameters
from runbook_lib.preflight.checks import CHECKS
from runbook_lib.preflight.derived import mail_domains
from runbook_lib.preflight.hand_off import (
    EXCHANGE_ONLINE,
    EXCHANGE_SHELL,
    MailContact,
    MakeMailContacts,
    UpdateRecipients,
    hand_offs,
)
from runbook_lib.preflight.parts import MAIL_FLOW
from tests.unit.preflight.builders import (
    AT,
    GROUPS,
    ROUTING,
    accepted,
    connector,
    dns,
    domains,
    evidence,
    findings,
    flow,
    group,
    groups,
    holder,
    ids,
    with_parts,
    written,
)

AUTODISCOVER = f"autodiscover.{GROUPS}"


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    whole = evidence(
        exchange=ExchangeReading(at=AT),
        mail_flow=flow(),
        mail_domains=domains(),
        dns=dns(),
        groups=groups(group("Sales")),
        written_groups=(written("Sales", book=True), written("Quiet", mail=None)),
        address_holders=(holder("CN=Sales,OU=G", f"sales@{GROUPS}", of=["Sales"]),),
    )
    mail = [check for check in CHECKS if check.id.startswith(("mail-", "dns-"))]
    assert len(mail) == 15
    assert [answer for check in mail for answer in check.run(whole)] == []


@pytest.mark.parametrize("check_id", [c.id for c in CHECKS if MAIL_FLOW in c.needs])
def test_without_an_organization_there_is_no_mail_flow_to_judge(check_id: str) -> None:
    assert findings(check_id, evidence(mail_flow=MailFlowReading(), mail_domains=domains())) == []


@pytest.mark.parametrize(
    ("present", "found", "severity", "kind"),
    [
        ([accepted(GROUPS)], "", None, ""),
        ([accepted("*.contoso.com")], "", None, ""),
        ([accepted("contoso.com")], "mail-accepted-domain-missing", Severity.BLOCKING, "accepted-domain"),
        ([accepted("*.other.com")], "mail-accepted-domain-missing", Severity.BLOCKING, "accepted-domain"),
        ([accepted(GROUPS, DomainType.AUTHORITATIVE)], "mail-accepted-domain-type", Severity.BLOCKING, "relay-type"),
        ([accepted(GROUPS, DomainType.EXTERNAL_RELAY)], "mail-accepted-domain-type", Severity.BLOCKING, "relay-type"),
        ([accepted(GROUPS, DomainType.UNKNOWN)], "mail-accepted-domain-type", Severity.UNKNOWN, "relay-type"),
        # The exact domain counts, not the wider one.
        ([accepted("*.contoso.com"), accepted(GROUPS, DomainType.AUTHORITATIVE)], "mail-accepted-domain-type",
         Severity.BLOCKING, "relay-type"),
    ],
)  # fmt: skip
def test_accepted_domains(present: list[Any], found: str, severity: Severity | None, kind: str) -> None:
    given = evidence(mail_flow=flow(accepted_domains=tuple(present)), mail_domains=domains())
    result = findings("mail-accepted-domain", given)
    assert ids(result) == ([f"{found}:{GROUPS}"] if found else [])
    assert [f.severity for f in result] == ([severity] if found else [])
    assert [one.as_json()["kind"] for f in result for one in f.hand_offs] == ([kind] if found else [])


def test_no_accepted_domain_at_all_is_hidden_not_absent() -> None:
    given = evidence(mail_flow=flow(accepted_domains=()), mail_domains=domains())
    (found,) = findings("mail-accepted-domain", given)
    assert (found.id, found.severity) == ("mail-accepted-domains-hidden", Severity.UNKNOWN)


def test_every_domain_is_checked() -> None:
    given = evidence(mail_flow=flow(), mail_domains=domains(GROUPS, "b.example", "c.example"))
    assert ids(findings("mail-accepted-domain", given)) == [
        "mail-accepted-domain-missing:b.example",
        "mail-accepted-domain-missing:c.example",
    ]
    assert ids(findings("mail-several-domains", given)) == ["mail-several-domains"]


@pytest.mark.parametrize(
    ("connectors", "missing", "way"),
    [
        ([connector("A", f"SMTP:{GROUPS};1", f"smtp:{ROUTING};1")], [], None),
        ([connector("A", f"smtp:{GROUPS};1"), connector("B", "smtp:*.mail.onmicrosoft.com;10")], [], None),
        ([connector("A", "smtp:*;1")], [GROUPS, ROUTING], "send-connector"),
        ([], [GROUPS, ROUTING], "send-connector"),
        ([connector("Hybrid", f"smtp:{ROUTING};1")], [GROUPS], "address-spaces"),
        ([connector("Outbound to Office 365 - 1", "smtp:x.example;1")], [GROUPS, ROUTING], "address-spaces"),
        ([connector("A", f"x400:{GROUPS};1", f"smtp:{ROUTING};1")], [GROUPS], "address-spaces"),
        ([connector("A", f"{GROUPS}", f"{ROUTING};5")], [], None),
    ],
)
def test_send_connectors(connectors: list[Any], missing: list[str], way: str | None) -> None:
    servers = (ServerReading("EX1", "CN=EX1"),)
    given = evidence(
        exchange=ExchangeReading(at=AT, servers=servers),
        mail_flow=flow(send_connectors=tuple(connectors)),
        mail_domains=domains(),
    )
    result = findings("mail-send-connector", given)
    assert [f.values["domains"] for f in result] == ([missing] if missing else [])
    for found in result:
        (one,) = found.hand_offs
        hand_off: Any = one.as_json()
        assert hand_off["kind"] == way
        assert hand_off["spaces"] == [f"smtp:{domain};1" for domain in missing]
        assert hand_off.get("servers", ["EX1"]) == ["EX1"]


def test_an_unknown_routing_domain_is_unknown() -> None:
    given = evidence(mail_flow=flow(), mail_domains=domains(routing=""))
    (found,) = findings("mail-routing-domain", given)
    assert found.severity is Severity.UNKNOWN
    assert findings("mail-send-connector", given) == [found], "the connector has to cover it"


def test_an_address_space_of_an_unknown_form() -> None:
    given = evidence(mail_flow=flow(send_connectors=(connector("A", "what is this;;"),)))
    (found,) = findings("mail-address-space-unread", given)
    assert found.severity is Severity.UNKNOWN


def test_no_hybrid_configuration() -> None:
    assert ids(findings("mail-hybrid-missing", evidence(mail_flow=flow(hybrid=False)))) == ["mail-hybrid-missing"]


@pytest.mark.parametrize(("what", "names"), NEEDED.items())
def test_what_the_schema_lacks_is_unknown_and_not_missing(what: str, names: tuple[str, ...]) -> None:
    for name in names:
        given = evidence(
            mail_flow=flow(absent=frozenset([name]), accepted_domains=(), send_connectors=(), hybrid=False),
            mail_domains=domains(),
        )
        (found,) = findings("mail-flow-not-in-schema", given)
        assert found.severity is Severity.UNKNOWN
        assert found.values["missing"] == [name]
        silent = {
            "accepted domains": "mail-accepted-domain",
            "send connectors": "mail-send-connector",
            "hybrid configuration": "mail-hybrid-missing",
            "address policies": "mail-address-policy",
        }[what]
        assert findings(silent, given) == [found], "what depends on it is not fine"


def test_an_address_policy_that_gives_out_groups_addresses() -> None:
    policies = (AddressPolicy("Default", ("SMTP:@contoso.com",)), AddressPolicy("Odd", (f"smtp:%m@{GROUPS}",)))
    (found,) = findings("mail-address-policy", evidence(mail_flow=flow(policies=policies), mail_domains=domains()))
    assert (found.values["policies"], found.severity) == (["Odd"], Severity.INFO)


@pytest.mark.parametrize(
    ("answer", "found", "severity"),
    [
        (DnsAnswer(GROUPS, "MX", State.ANSWERED, ("groups-contoso-com.mail.protection.outlook.com",)), "", None),
        (DnsAnswer(GROUPS, "MX", State.ANSWERED, ("groups-contoso-com.x-v1.mx.microsoft",)), "", None),
        (DnsAnswer(GROUPS, "MX", State.ANSWERED, ("mail.contoso.com",)), "dns-mx-elsewhere", Severity.WARNING),
        (DnsAnswer(GROUPS, "MX", State.ANSWERED, ("a.mail.protection.outlook.com", "mail.contoso.com")),
         "dns-mx-elsewhere", Severity.WARNING),
        (DnsAnswer(GROUPS, "MX", State.ANSWERED, ("evilmail.protection.outlook.com.example",)),
         "dns-mx-elsewhere", Severity.WARNING),
        (DnsAnswer(GROUPS, "MX", State.NO_RECORD), "dns-mx-missing", Severity.BLOCKING),
        (DnsAnswer(GROUPS, "MX", State.NO_NAME), "dns-mx-missing", Severity.BLOCKING),
        (DnsAnswer(GROUPS, "MX", State.FAILED, why="timeout"), "dns-no-answer", Severity.UNKNOWN),
    ],
)  # fmt: skip
def test_mx(answer: DnsAnswer, found: str, severity: Severity | None) -> None:
    result = findings("dns-mx", evidence(dns=dns(mx=answer), mail_domains=domains()))
    assert [(f.id.partition(":")[0], f.severity) for f in result] == ([(found, severity)] if found else [])


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (DnsAnswer(AUTODISCOVER, "CNAME", State.ANSWERED, ("autodiscover.outlook.com",)), ""),
        (DnsAnswer(AUTODISCOVER, "CNAME", State.ANSWERED, ("mail.contoso.com",)), "dns-autodiscover"),
        (DnsAnswer(AUTODISCOVER, "CNAME", State.NO_RECORD), "dns-autodiscover"),
        (DnsAnswer(AUTODISCOVER, "CNAME", State.NO_NAME), "dns-autodiscover"),
        (DnsAnswer(AUTODISCOVER, "CNAME", State.FAILED, why="refused"), "dns-no-answer"),
    ],
)
def test_autodiscover(answer: DnsAnswer, found: str) -> None:
    result = findings("dns-autodiscover", evidence(dns=dns(autodiscover=answer), mail_domains=domains()))
    assert [f.id.partition(":")[0] for f in result] == ([found] if found else [])


def test_hosts_of_another_cloud_are_unknown_and_not_wrong() -> None:
    elsewhere = Parameters.model_validate({"cloud": "us-government-l4"})
    mx = DnsAnswer(GROUPS, "MX", State.ANSWERED, ("x.mail.protection.office365.us",))
    given = replace(evidence(dns=dns(mx=mx), mail_domains=domains()), parameters=elsewhere)
    (found,) = findings("dns-cloud", given)
    assert findings("dns-mx", given) == findings("dns-autodiscover", given) == [found], "not looked at is not fine"
    assert found.severity is Severity.UNKNOWN


def test_groups_outside_the_address_book() -> None:
    given = evidence(written_groups=(written("A"), written("B", book=True), written("C", mail=None), written("D")))
    (found,) = findings("mail-address-book", given)
    book = UpdateRecipients(("CN=A,OU=G", "CN=D,OU=G"))
    assert found.hand_offs == (book, MakeMailContacts(()))
    assert [one.where for one in hand_offs([found])] == [EXCHANGE_SHELL]
    (found,) = findings("mail-address-book", with_parts(given, mail_domains=domains()))
    contacts = (MailContact("A", f"a@{GROUPS}", f"a@{ROUTING}"), MailContact("D", f"d@{GROUPS}", f"d@{ROUTING}"))
    assert found.hand_offs == (book, MakeMailContacts(contacts))
    assert [one.where for one in hand_offs([found])] == [EXCHANGE_SHELL, EXCHANGE_ONLINE]


def test_secondary_addresses() -> None:
    given = evidence(
        groups=groups(
            group("A", "second@contoso.com"), group("B", "b@contoso.onmicrosoft.com"), group("C", f"c@{GROUPS}")
        ),
        mail_domains=domains(),
    )
    (found,) = findings("mail-secondary-addresses", given)
    assert found.values["count"] == 1
    assert found.hand_offs == (MakeMailContacts((MailContact("A", f"a@{GROUPS}", f"a@{ROUTING}"),)),)


@pytest.mark.parametrize(
    ("changed", "ids_"),
    [
        ({}, []),
        ({"target_address": "a@other.example"}, ["mail-address-taken"]),
        ({"target_address": ""}, ["mail-address-taken"]),
        ({"object_class": "user"}, ["mail-address-taken"]),
    ],
)
def test_a_contact_that_forwards_to_its_group_holds_its_address_on_purpose(
    changed: dict[str, Any], ids_: list[str]
) -> None:
    contact = replace(holder("CN=contact", f"a@{GROUPS}"), target_address=f"a@{ROUTING}")
    given = evidence(groups=groups(group("A")), mail_domains=domains(), address_holders=(replace(contact, **changed),))
    assert ids(findings("mail-address-taken", given)) == ids_


def test_addresses_that_somebody_holds() -> None:
    given = evidence(
        groups=groups(group("A"), group("B", "second@contoso.com")),
        address_holders=(
            holder("CN=own", f"a@{GROUPS}", of=["A"]),
            holder("CN=other", f"a@{GROUPS}", of=["B"]),
            holder("CN=contact", "second@contoso.com"),
        ),
    )
    (found,) = findings("mail-address-taken", given)
    assert [one["dn"] for one in found.values["objects"]] == ["CN=other", "CN=contact"]  # type: ignore[attr-defined]


def test_other_domains_of_the_forest() -> None:
    # Addresses are searched in one domain, whether or not the preparation of the others could be read.
    reading = ExchangeReading(at=AT, other_domains=("DC=sales",), unreadable=(Unreadable("schema", "hidden", t("x")),))
    (found,) = findings("mail-forest-not-searched", evidence(exchange=reading))
    assert (found.severity, found.values["domains"]) == (Severity.UNKNOWN, ["DC=sales"])


@pytest.mark.parametrize(
    ("given", "cloud", "ad", "names"),
    [
        ("Mail.Example.", groups(group("A")), None, ("mail.example",)),
        ("", groups(group("A"), group("B")), None, (GROUPS,)),
        ("", groups(), (written("A"),), ()),
        ("", groups(group("A"), replace(group("B"), mail="b@contoso.onmicrosoft.com")), None, (GROUPS,)),
        ("", groups(replace(group("A"), mail=None)), None, ()),
        ("", None, (written("A"), written("B", mail="b@z.example")), (GROUPS, "z.example")),
    ],
)
def test_where_the_groups_domain_comes_from(given: str, cloud: Any, ad: Any, names: tuple[str, ...]) -> None:
    assert mail_domains(given, cloud, ad, None).groups == names


def test_a_groups_domain_that_nothing_shows() -> None:
    for ad in (None, (), (written("A", mail=None),)):
        with pytest.raises(NoAccess) as caught:
            mail_domains("", None, ad, None)
        assert caught.value.code == "groups-domain-unknown"


@pytest.mark.parametrize(
    ("verified", "flow_domains", "routing"),
    [
        (("contoso.com", ROUTING), (), ROUTING),
        (("contoso.onmicrosoft.com",), ("other.mail.onmicrosoft.com",), "other.mail.onmicrosoft.com"),
        (("contoso.onmicrosoft.com",), (), ROUTING),
        (("contoso.com",), (), ""),
        (("a.onmicrosoft.com", "b.onmicrosoft.com"), (), ""),
    ],
)
def test_where_the_routing_domain_comes_from(
    verified: tuple[str, ...], flow_domains: tuple[str, ...], routing: str
) -> None:
    reading = flow(accepted_domains=tuple(accepted(domain) for domain in flow_domains))
    found = mail_domains("x.example", groups(verified=verified), None, reading)
    assert found.routing == routing
    assert found.how_routing


def test_addresses() -> None:
    assert mail_domain("A@B.Example") == "b.example"
    assert mail_domain("nothing") == mail_domain(None) == ""
    one = group("A", "Second@X.example")
    assert smtp_addresses(one.mail, one.proxy_addresses) == (f"a@{GROUPS}", "second@x.example")
