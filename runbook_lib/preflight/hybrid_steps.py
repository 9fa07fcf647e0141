"""Steps 1 to 7 of the Exchange hybrid procedure, each from what the pre-flight read. Pure."""

from __future__ import annotations

from runbook_lib.connect.evidence import AD
from runbook_lib.exchange.address_book import address_book_of
from runbook_lib.model.addresses import mail_domain
from runbook_lib.model.cloud import Switch
from runbook_lib.model.finding import HandOff, Severity
from runbook_lib.model.text import NOTHING, Text, counted, joined, t, verbatim
from runbook_lib.model.untrusted import printable
from runbook_lib.preflight.address_book import update_recipients
from runbook_lib.preflight.assess import Assessment
from runbook_lib.preflight.checks.connect_features import v1_state
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.hand_off import (
    DNS_CONSOLE,
    EXCHANGE_ONLINE_ALONE,
    EXCHANGE_SHELL,
    GrantConnectorRights,
    LookAtConnectServer,
    SetGroupAddressPolicy,
)
from runbook_lib.preflight.hybrid_state import HybridStep, Judged, StepState, judged_by
from runbook_lib.preflight.parts import CONNECT_SERVER, DNS, DOMAINS, GROUPS, MAIL_DOMAINS, MAIL_FLOW, WRITTEN_GROUPS

_SERVER_CHECKS = (
    "connect-build",
    "connect-server-build",
    "connect-server-mode",
    "connect-server-filter",
    "connect-server-export",
)
"""What of the Connect server keeps groups from being written."""
_READ = t("The findings say why it was not read, and what would help.")
_TURN_ON = t(
    "Run 30-enable-writeback with route: connect-sync: it plans, and hands over the steps of Connect's wizard and the "
    "rights of the connector account."
)


def connect_step(assessment: Assessment) -> HybridStep:
    """Step 1: group writeback v1 is on, and groups get to AD."""
    judged = _connect(assessment)
    return HybridStep(
        1,
        t("Group writeback in Connect Sync, and the rights of its account"),
        t("Connect Sync server"),
        judged.state,
        judged.proof,
        judged.to_do,
        judged.hand_offs,
    )


def _connect(assessment: Assessment) -> Judged:
    evidence = assessment.evidence
    state, _ = v1_state(evidence)
    lines: tuple[HandOff, ...] = (LookAtConnectServer(), *_rights(evidence))
    if state is Switch.OFF:
        return Judged(StepState.MISSING, t("Group writeback v1 is off."), _TURN_ON, lines)
    if state is Switch.UNKNOWN:
        how = t("Sign in as a person (sign_in: device-code), or bring the collector's file (connect_evidence).")
        return Judged(StepState.UNKNOWN, t("Whether group writeback v1 is on is not readable."), how, lines)
    judged = judged_by(assessment, _SERVER_CHECKS, NOTHING)
    if _objections(assessment):
        return Judged(judged.state, judged.proof, judged.to_do, tuple(dict.fromkeys((*judged.hand_offs, *lines))))
    written = evidence.get(WRITTEN_GROUPS)
    if written is None:
        return Judged(StepState.UNKNOWN, t("v1 is on; groups in AD were not read."), _READ, lines)
    arrived = sum(group.by_connect for group in written)
    if arrived:
        proof = t(
            "v1 is on, and {count} of Connect Sync in AD show that its account may write there.",
            count=counted(arrived, "group"),
        )
        return Judged(StepState.DONE, proof)
    return Judged(
        StepState.UNKNOWN,
        t("v1 is on, and no group of Connect Sync is in AD yet: nothing shows that its account may write there."),
        t("Grant the rights (hand-off), let a cycle run, and run this notebook again."),
        lines,
    )


def _objections(assessment: Assessment) -> bool:
    """Whether a check of the server found something in the way; that it was not looked at is none."""
    results = (result for result in assessment.results if result.check.id in _SERVER_CHECKS)
    return any(one.severity in (Severity.BLOCKING, Severity.WARNING) for result in results for one in result.findings)


def _rights(evidence: Evidence) -> tuple[HandOff, ...]:
    """The lines that grant the connector account its rights, where the server's evidence names forest and OU."""
    collected = evidence.get(CONNECT_SERVER)
    connectors = collected.evidence.connectors or () if collected else ()
    return tuple(
        GrantConnectorRights("", one.forest, one.writeback_container)
        for one in connectors
        if one.kind == AD and one.forest and one.writeback_container
    )


def domain_step(assessment: Assessment) -> HybridStep:
    """Step 2: the groups have a mail domain of their own, a verified one of the tenant."""
    judged = _domain(assessment.evidence)
    return HybridStep(
        2,
        t("A domain of the tenant for groups"),
        t("Microsoft 365 admin center, Settings, Domains"),
        judged.state,
        judged.proof,
        judged.to_do,
        optional=True,
    )


def _domain(evidence: Evidence) -> Judged:
    mail, known = evidence.get(MAIL_DOMAINS), evidence.get(DOMAINS)
    add = t("Add the domain there, and name it in the parameter groups_domain.")
    if mail is None or known is None:
        return Judged(StepState.UNKNOWN, t("Domains of the tenant or of its groups were not read."), _READ)
    if not mail.groups:
        return Judged(StepState.MISSING, t("No Microsoft 365 group has an address outside onmicrosoft.com."), add)
    by_name = {domain.name.lower(): domain for domain in known}
    missing = [one for one in mail.groups if one not in by_name or not by_name[one].verified]
    if missing:
        seen = t("Not a verified domain of the tenant: {names}.", names=_some(missing))
        return Judged(StepState.MISSING, seen, add)
    shared = [one for one in mail.groups if by_name[one].default]
    proof = t("Verified in the tenant: {names}.", names=_some(mail.groups))
    told = t("{names} is also the tenant's default domain; a domain of its own is recommended.", names=_some(shared))
    return Judged(StepState.DONE, joined((proof, told if shared else NOTHING)))


def dns_step(assessment: Assessment) -> HybridStep:
    """Step 3: MX and autodiscover of the groups domain lead to the cloud."""
    evidence = assessment.evidence
    read, mail = evidence.get(DNS), evidence.get(MAIL_DOMAINS)
    shown: list[Text] = []
    for domain in mail.groups if mail and read else ():
        if read and (domain, "MX") in read.answers:
            hosts, target = (", ".join(one.values) for one in (read.mx(domain), read.autodiscover(domain)))
            shown.append(t("{domain}: MX {hosts}; autodiscover {target}.", domain=domain, hosts=hosts, target=target))
    asked = (t("Asked: {source}.", source=read.source),) if read else ()
    judged = judged_by(assessment, ("dns-cloud", "dns-mx", "dns-autodiscover"), joined((*shown, *asked)))
    return _step(3, t("MX and autodiscover of the groups domain"), DNS_CONSOLE, judged)


def accepted_domain_step(assessment: Assessment) -> HybridStep:
    """Step 4: the groups domain is an accepted domain of the type internal relay."""
    flow, mail = assessment.evidence.get(MAIL_FLOW), assessment.evidence.get(MAIL_DOMAINS)
    found = [(domain, flow.accepted(domain)) for domain in mail.groups] if flow and mail else []
    shown = (
        t("{domain}: {kind} ({name}).", domain=domain, kind=one.type.value, name=printable(one.name, limit=80))
        for domain, one in found
        if one is not None
    )
    judged = judged_by(assessment, ("mail-accepted-domain",), joined(shown))
    return _step(4, t("Accepted domain of the type internal relay"), EXCHANGE_SHELL, judged)


def send_connector_step(assessment: Assessment) -> HybridStep:
    """Step 5: the send connector to the cloud has the address spaces."""
    flow, mail = assessment.evidence.get(MAIL_FLOW), assessment.evidence.get(MAIL_DOMAINS)
    wanted = [*mail.groups, mail.routing] if flow and mail else []
    shown = (
        t("{domain}: {names}.", domain=domain, names=_some([one.name for one in flow.connectors_for(domain)]))
        for domain in wanted
        if flow and domain
    )
    judged = judged_by(assessment, ("mail-send-connector",), joined(shown))
    return _step(5, t("Address spaces of the send connector to the cloud"), EXCHANGE_SHELL, judged)


def address_policy_step(assessment: Assessment) -> HybridStep:
    """Step 6: new groups get addresses of the groups domain. No reading shows the policy; the groups' addresses do not
    prove it."""
    read, mail = assessment.evidence.get(GROUPS), assessment.evidence.get(MAIL_DOMAINS)
    proof = t("Policies of Exchange Online are not readable over Microsoft Graph.")
    lines: tuple[HandOff, ...] = ()
    if mail and mail.groups:
        lines = (SetGroupAddressPolicy(mail.groups[0]),)
    if read and mail:
        inside = sum(mail_domain(group.mail) in mail.groups for group in read.groups)
        told = t("{inside} of {all} have addresses there.", inside=inside, all=counted(len(read.groups), "group"))
        proof = joined((proof, told))
    return HybridStep(
        6,
        t("Addresses of new groups"),
        EXCHANGE_ONLINE_ALONE,
        StepState.UNKNOWN,
        proof,
        t("Look at Get-EmailAddressPolicy there; the hand-off has the lines."),
        lines,
        optional=True,
    )


def address_book_step(assessment: Assessment) -> HybridStep:
    """Step 7: Update-Recipient has run for every group that arrived."""
    return _step(7, t("Update-Recipient for groups that arrived"), EXCHANGE_SHELL, _arrived(assessment.evidence))


def _arrived(evidence: Evidence) -> Judged:
    written = evidence.get(WRITTEN_GROUPS)
    if written is None:
        return Judged(StepState.UNKNOWN, t("Written-back groups were not read."), _READ)
    book = address_book_of(group for group in written if group.by_connect)
    if book.waiting:
        to_do = t("Run the lines; then run this notebook again. Repeat it for groups that arrive later.")
        return Judged(StepState.MISSING, t("{text}.", text=book.text), to_do, (update_recipients(book),))
    if book.listed:
        return Judged(StepState.DONE, t("{text}.", text=book.text))
    if book.hidden:
        to_do = t("Run the lines once; nothing in AD shows whether it was done.")
        return Judged(StepState.UNKNOWN, t("{text}.", text=book.text), to_do, (update_recipients(book),))
    if book.without_address:
        return Judged(
            StepState.MISSING,
            t("{text}: Connect Sync wrote no mail attributes.", text=book.text),
            t("Prepare AD for Exchange, and let Connect Sync refresh its schema; then a full cycle writes them."),
        )
    return Judged(StepState.MISSING, t("No group of Connect Sync is in AD yet."), t("Do step 1 first."))


def _step(number: int, title: Text, where: Text, judged: Judged) -> HybridStep:
    return HybridStep(number, title, where, judged.state, judged.proof, judged.to_do, judged.hand_offs)


def _some(names: list[str] | tuple[str, ...]) -> Text:
    return verbatim(", ".join(printable(name, limit=80) for name in names))
