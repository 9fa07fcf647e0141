"""What a plan that changes the source of authority says before the gate: what is lost, by name. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runbook_lib.graph.tenant.parts import ConnectReport
from runbook_lib.model.cloud import CloudGroup
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.text import Text, counted, first_of, t
from runbook_lib.model.untrusted import printable
from runbook_lib.preflight.hand_off import RunSyncCycle
from runbook_lib.routes.cloud_sync.authority.facts import AuthorityFacts, Reference

GUIDANCE = 'Microsoft Entra documentation, "Guidance for using Group Source of Authority (SOA)"'
_CONFIGURE = 'Microsoft Entra documentation, "Configure Group Source of Authority (SOA)"'
_KEEP = 'Microsoft Entra documentation, "Preserve a group\'s organizational unit and name"'
NAMES_IN_SENTENCE = 10
"""Names in a sentence; all of them are in the values."""
MINIMUM_CONNECT = (2, 5, 79, 0)
"""Build below which Connect Sync does not synchronize any more (since 30 September 2026); conversions need 2.5.76.0."""
MINIMUM_AGENT = "1.1.1370.0"
_PACKAGES = t("Microsoft asks for it before a roll-back: members that a package assigned are lost at the take-over.")


def references_lost(nested: Sequence[Reference], parents: Sequence[Reference]) -> list[Finding]:
    """Memberships that are not followed any more, because one of the two groups stays with AD."""
    found = []
    if nested:
        found.append(
            naming_finding(
                "soa-nested-stay",
                Severity.WARNING,
                t(
                    "Nested in converted groups and left to AD: {count}: {names}.",
                    count=counted(len(nested), "group"),
                    names=_list(nested),
                ),
                t("Everything nested in a converted group is converted too."),
                t("Cloud Sync writes no reference to a group whose source of authority is AD."),
                t("Convert these groups first or with them, or leave their parents to AD."),
                [one.line for one in nested],
            )
        )
    if parents:
        found.append(
            naming_finding(
                "soa-parents-stay",
                Severity.WARNING,
                t(
                    "Converted groups inside of {count} of AD: {names}.",
                    count=counted(len(parents), "group"),
                    names=_list(parents),
                ),
                t("No group of AD holds a converted one."),
                t("The synchronization does not know a reference to a group of the cloud: the parent loses it there."),
                t("Convert the parents too, or give the membership in the cloud."),
                [one.line for one in parents],
            )
        )
    return found


def attributes_lost(
    groups: Mapping[str, CloudGroup],
    converted: Mapping[str, DirectoryGroup],
    attributes: Mapping[str, Mapping[str, str]],
) -> list[Finding]:
    """Values of extensionAttribute1 to 15, which converted groups lose in the cloud."""
    lost = [
        f"{printable(groups[one].display_name, limit=60)}: {name}={printable(value, limit=80)}"
        for one, own in sorted(converted.items())
        for name, value in sorted(attributes.get(own.guid, {}).items())
    ]
    if not lost:
        return []
    return [
        naming_finding(
            "soa-extension-attributes",
            Severity.WARNING,
            t(
                "Lost in the cloud: {count}: {names}.",
                count=counted(len(lost), "value"),
                names=first_of(lost, NAMES_IN_SENTENCE, "; "),
            ),
            t("No group has values in extensionAttribute1 to extensionAttribute15."),
            t("They are not supported on groups of the cloud; what reads them there finds nothing any more."),
            t("Keep them elsewhere where they are needed; AD keeps its values."),
            lost,
            _CONFIGURE,
        )
    ]


def client_findings(facts: AuthorityFacts) -> list[Finding]:
    """What the synchronization clients have to be for conversions."""
    found = []
    if facts.inbound is None:
        report = facts.connect
        needed = ".".join(map(str, MINIMUM_CONNECT))
        build = report.build if isinstance(report, ConnectReport) else None
        if build is None:
            why = report.text if isinstance(report, Unreadable) else t("no build is reported")
            found.append(
                _client(
                    "soa-connect-unread",
                    Severity.UNKNOWN,
                    t("The build of Connect Sync is not known: {why}", why=why),
                    needed,
                )
            )
        elif build < MINIMUM_CONNECT:
            shown = ".".join(map(str, build))
            found.append(
                _client(
                    "soa-connect-build", Severity.BLOCKING, t("Connect Sync has build {shown}.", shown=shown), needed
                )
            )
    found.append(
        _client(
            "soa-agent-unread",
            Severity.UNKNOWN,
            t("The version of Cloud Sync's agents is not known: Graph's call for agents does not hold it."),
            MINIMUM_AGENT,
        )
    )
    return found


def _client(code: str, severity: Severity, seen: Text, needed: str) -> Finding:
    return Finding(
        id=code,
        severity=severity,
        seen=seen,
        expected=t("{needed} or later.", needed=needed),
        why=t("An older one does not know that the cloud decides about a group, and writes over it."),
        to_do=t("Look at it on its server (gwb connect collector reads it), and update it where it is older.")
        if needed != MINIMUM_AGENT
        else t("Look at it on its server, and update it where it is older."),
        source=_CONFIGURE,
        acknowledgeable=True,
    )


def members_lost(lost: Sequence[Reference]) -> list[Finding]:
    """Members that groups lose when AD takes them over."""
    if not lost:
        return []
    return [
        naming_finding(
            "soa-members-lost",
            Severity.BLOCKING,
            t(
                "Lost when AD takes the groups over: {count}: {names}.",
                count=counted(len(lost), "member"),
                names=_list(lost),
            ),
            t("AD holds every member that the cloud has."),
            t("After the next synchronization AD decides who is a member: others are removed in the cloud."),
            t("Remove them from the groups in the cloud, put their accounts into the AD groups, or acknowledge it."),
            [one.line for one in lost],
            _CONFIGURE,
        )
    ]


def taken_over_later(count: int, by_connect: bool) -> Finding:
    """That a roll-back of ``count`` groups is complete only with the next synchronization."""
    return Finding(
        id="soa-take-over",
        severity=Severity.INFO,
        seen=t("Waiting for a synchronization after the roll-back: {count}.", count=counted(count, "group")),
        expected=t("The synchronization takes them over."),
        why=t("Until then nobody writes them: neither Cloud Sync, whose scope they leave, nor the synchronization."),
        to_do=t("Let Connect Sync run; this run waits for it.")
        if by_connect
        else t("The job of Cloud Sync from AD runs by itself; this run waits for it."),
        source=_CONFIGURE,
        hand_offs=(RunSyncCycle(),) if by_connect else (),
    )


def catalogs_left(
    groups: Mapping[str, CloudGroup], catalogs: Mapping[str, tuple[str, ...]] | Unreadable
) -> list[Finding]:
    """Groups that access packages may hand out: they have to leave them before."""
    return _in_catalogs(
        groups,
        catalogs,
        "soa-access-packages",
        Severity.BLOCKING,
        t("The groups are in no access package."),
        _PACKAGES,
        t("Remove the groups from these access packages, or acknowledge this finding."),
    )


def catalogs_of_converted(
    groups: Mapping[str, CloudGroup], catalogs: Mapping[str, tuple[str, ...]] | Unreadable
) -> list[Finding]:
    """Groups that access packages draw on while AD decides about them: named before the cloud does."""
    if not groups:
        return []
    return _in_catalogs(
        groups,
        catalogs,
        "soa-access-packages-converted",
        Severity.WARNING,
        t("It is known which access packages hand these groups out."),
        t("Members that a package assigns are in the group from then on, and are lost at a later roll-back."),
        t("Tell whoever keeps these packages; before a roll-back the groups have to leave them."),
    )


def _in_catalogs(
    groups: Mapping[str, CloudGroup],
    catalogs: Mapping[str, tuple[str, ...]] | Unreadable,
    identifier: str,
    severity: Severity,
    expected: Text,
    why: Text,
    to_do: Text,
) -> list[Finding]:
    if isinstance(catalogs, Unreadable):
        return [_catalogs_unread(catalogs)]
    lines = _catalog_lines(groups, catalogs)
    if not lines:
        return []
    seen = t(
        "In catalogs of access packages: {count}: {names}.",
        count=counted(len(lines), "group"),
        names=first_of(lines, NAMES_IN_SENTENCE, "; "),
    )
    return [naming_finding(identifier, severity, seen, expected, why, to_do, lines, _CONFIGURE)]


def _catalog_lines(groups: Mapping[str, CloudGroup], catalogs: Mapping[str, tuple[str, ...]]) -> list[str]:
    return [
        f"{printable(groups[one].display_name, limit=60)}: {printable(', '.join(names), limit=120)}"
        for one, names in sorted(catalogs.items())
        if one in groups
    ]


def _catalogs_unread(catalogs: Unreadable) -> Finding:
    return Finding(
        id="soa-access-packages-unread",
        severity=Severity.UNKNOWN,
        seen=t("Whether access packages hand these groups out could not be read: {why}", why=catalogs.text),
        expected=t("The groups are in no access package."),
        why=_PACKAGES,
        to_do=t("Grant EntitlementManagement.Read.All, or look in the Entra admin center (Identity Governance)."),
        source=_CONFIGURE,
        acknowledgeable=True,
    )


def not_taken_back(converted: bool, extension: bool) -> list[Finding]:
    """What no undo of such a change takes back."""
    lines = []
    if converted:
        lines.append(
            t("What the cloud lost (extension attributes) comes back with AD's next synchronization, or not at all.")
        )
    else:
        lines.append(t("Members that the synchronization removed in the cloud do not come back."))
    if extension:
        lines.append(t("The distinguished names that the extension held are gone with it."))
    return [
        Finding(
            id="soa-not-taken-back",
            severity=Severity.WARNING,
            seen=one,
            expected=t("An undo takes back what the change did."),
            why=t("The source of authority comes back as it was; what either side did meanwhile stays done."),
            to_do=t("Compare the groups with the tables of the record."),
            source=GUIDANCE,
            acknowledgeable=True,
        )
        for one in lines[:1]
    ] + [
        Finding(
            id="soa-names-gone",
            severity=Severity.WARNING,
            seen=one,
            expected=t("An undo takes back what the change did."),
            why=t("A group that is still converted has no other memory of its OU and name."),
            to_do=t("Give such groups back to AD first."),
            source=_KEEP,
            acknowledgeable=True,
        )
        for one in lines[1:]
    ]


def _list(references: Sequence[Reference]) -> Text:
    return first_of([one.line for one in references], NAMES_IN_SENTENCE, "; ")


def naming_finding(
    code: str,
    severity: Severity,
    seen: Text,
    expected: Text,
    why: Text,
    to_do: Text,
    names: Sequence[str],
    source: str = GUIDANCE,
) -> Finding:
    """A finding that can be acknowledged, with every name in its values."""
    return Finding(
        id=code,
        severity=severity,
        seen=seen,
        expected=expected,
        why=why,
        to_do=to_do,
        source=source,
        values={"names": list(names)},
        acknowledgeable=True,
    )
