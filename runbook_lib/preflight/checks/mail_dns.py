"""Mail to the groups as DNS routes it."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_lib.dns import DnsAnswer, State
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import Text, t, verbatim
from runbook_lib.preflight.assess import Answers, Check, NothingToCheck, on
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.hand_off import AddAutodiscoverRecord, AddMxRecord
from runbook_lib.preflight.parts import DNS, MAIL_DOMAINS

_PAGE = "MicrosoftDocs/OfficeDocs-Exchange, set-up-microsoft-365-groups.md (2021)"
_CLOUD_HOSTS = (".mail.protection.outlook.com", ".mx.microsoft")
"""Ends of the host names that receive mail for Exchange Online; the second is that of domains with DNSSEC."""
_AUTODISCOVER = "autodiscover.outlook.com"
_KNOWN_CLOUD = "global"


def other_cloud(evidence: Evidence) -> Iterator[Finding]:
    """The tenant's cloud is one whose mail hosts this program knows."""
    if evidence.parameters.cloud != _KNOWN_CLOUD:
        yield Finding(
            id="dns-cloud-unknown",
            severity=Severity.UNKNOWN,
            seen=t(
                "The tenant is in the cloud {cloud}; where MX and autodiscover lead there is not "
                "known to this program.",
                cloud=evidence.parameters.cloud,
            ),
            expected=t("The global service."),
            why=t("Whether mail finds its way cannot be determined."),
            to_do=t(
                "Compare the records with what the Microsoft 365 admin center shows, then acknowledge this finding."
            ),
            values={"cloud": evidence.parameters.cloud},
            acknowledgeable=True,
        )


def _not_looked_at(evidence: Evidence) -> Answers:
    """Why the records of the groups' domains were not judged; nothing where they are."""
    yield from other_cloud(evidence)
    if not evidence[MAIL_DOMAINS].groups:
        yield NothingToCheck(t("The groups have no mail domain of their own."))


def mx(evidence: Evidence) -> Answers:
    """MX of every groups domain leads to Exchange Online."""
    yield from _not_looked_at(evidence)
    if evidence.parameters.cloud != _KNOWN_CLOUD:
        return
    reading = evidence[DNS]
    for domain in evidence[MAIL_DOMAINS].groups:
        answer = reading.mx(domain)
        if answer.state is State.FAILED:
            yield _failed(answer, reading.source)
        elif answer.state is not State.ANSWERED:
            yield Finding(
                id=f"dns-mx-missing:{domain}",
                severity=Severity.BLOCKING,
                seen=t(
                    "{domain} has no MX record: {answer} (asked: {source}).",
                    domain=domain,
                    answer=_answer_text(answer),
                    source=reading.source,
                ),
                expected=t("An MX record that leads to Exchange Online."),
                why=t("Mail to the groups has no way to the cloud."),
                to_do=t("Add the record; the hand-off has the line."),
                source=_PAGE,
                values={"domain": domain, "state": answer.state.value},
                hand_offs=(AddMxRecord(domain),),
                acknowledgeable=True,
            )
        elif not all(host.endswith(_CLOUD_HOSTS) for host in answer.values):
            yield Finding(
                id=f"dns-mx-elsewhere:{domain}",
                severity=Severity.WARNING,
                seen=t(
                    "MX of {domain} leads to {hosts} (asked: {source}).",
                    domain=domain,
                    hosts=", ".join(answer.values),
                    source=reading.source,
                ),
                expected=t("<domain with hyphens>.mail.protection.outlook.com"),
                why=t(
                    "An MX that leads to servers on premises breaks mail to the groups; a gateway in "
                    "front of Exchange Online does not."
                ),
                to_do=t("Change the record, or acknowledge this finding if that host passes mail on to the cloud."),
                source=_PAGE,
                values={"domain": domain, "hosts": list(answer.values)},
                hand_offs=(AddMxRecord(domain),),
                acknowledgeable=True,
            )


def autodiscover(evidence: Evidence) -> Answers:
    """Autodiscover of every groups domain leads to Microsoft 365."""
    yield from _not_looked_at(evidence)
    if evidence.parameters.cloud != _KNOWN_CLOUD:
        return
    reading = evidence[DNS]
    for domain in evidence[MAIL_DOMAINS].groups:
        answer = reading.autodiscover(domain)
        if answer.state is State.FAILED:
            yield _failed(answer, reading.source)
        elif answer.state is not State.ANSWERED or answer.values != (_AUTODISCOVER,):
            seen = ", ".join(answer.values) or _answer_text(answer)
            yield Finding(
                id=f"dns-autodiscover:{domain}",
                severity=Severity.WARNING,
                seen=t(
                    "autodiscover.{domain} as CNAME: {seen} (asked: {source}).",
                    domain=domain,
                    seen=seen,
                    source=reading.source,
                ),
                expected=t("CNAME {autodiscover}", autodiscover=_AUTODISCOVER),
                why=t("Outlook opens a group's mailbox only if autodiscover of its domain leads to Microsoft 365."),
                to_do=t("Add or change the record; the hand-off has the line."),
                source=_PAGE,
                values={
                    "domain": domain,
                    "state": answer.state.value,
                    "hosts": list(answer.values),
                },
                hand_offs=(AddAutodiscoverRecord(domain),),
                acknowledgeable=True,
            )


def _answer_text(answer: DnsAnswer) -> Text:
    return {State.NO_NAME: t("the name does not exist"), State.NO_RECORD: t("there is no such record")}.get(
        answer.state, verbatim(answer.state.value)
    )


def _failed(answer: DnsAnswer, source: str) -> Finding:
    return Finding(
        id=f"dns-no-answer:{answer.name}:{answer.kind.lower()}",
        severity=Severity.UNKNOWN,
        seen=t(
            "DNS gave no answer for {kind} of {answer_name} (asked: {source}): {why}",
            kind=answer.kind,
            answer_name=answer.name,
            source=source,
            why=answer.why,
        ),
        expected=t("An answer, also one that says there is no record."),
        why=t("Whether mail finds its way cannot be determined."),
        to_do=t("Check the network and the parameter dns_servers, then run again."),
        values={"name": answer.name, "kind": answer.kind},
        acknowledgeable=True,
    )


_NEEDS = (DNS, MAIL_DOMAINS)
CHECKS: tuple[Check, ...] = (
    Check(
        "dns-cloud",
        t("The cloud's mail hosts are known"),
        _NEEDS,
        on(direct=Severity.INFO, connect_sync=Severity.BLOCKING),
        other_cloud,
    ),
    Check(
        "dns-mx",
        t("MX of the groups domain leads to the cloud"),
        _NEEDS,
        on(direct=Severity.INFO, connect_sync=Severity.BLOCKING),
        mx,
    ),
    Check(
        "dns-autodiscover",
        t("Autodiscover of the groups domain leads to the cloud"),
        _NEEDS,
        on(direct=Severity.INFO, connect_sync=Severity.WARNING),
        autodiscover,
    ),
)
