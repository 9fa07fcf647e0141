"""What is handed to a person on the route connect-sync: numbered steps with this tenant's values, and lines to copy.

Sources: Microsoft Entra documentation, "Enable Microsoft Entra Connect group writeback", "Disable Microsoft Entra
Connect group writeback" (its lines switch V2 off and nothing else: v1 goes off in the wizard), "Microsoft Entra
Connect: Configure AD DS Connector Account Permissions", "Microsoft Entra Connect Sync: Scheduler", "Microsoft Entra
Connect: Version release history" (AdSyncPrep.psm1 is not part of it since 2.0.3.0), "Prevent accidental deletes".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from runbook_lib.model.text import Text, counted, joined, t
from runbook_lib.model.untrusted import printable
from runbook_lib.preflight.hand_off import CONNECT_SHELL, ChooseGroups, GrantConnectorRights, RunDeltaCycle
from runbook_lib.routes.connect_sync.actions import (
    BringsGroups,
    ConnectAction,
    LetConnectorWrite,
    RunCycle,
    SwitchOn,
)
from runbook_lib.routes.connect_sync.choosing_actions import ChooseInStaging, LeaveStaging
from runbook_lib.routes.connect_sync.leaving_actions import SwitchOff
from runbook_lib.routes.connect_sync.target import ConnectSyncTarget

_THE_ACTIVE_ONE = t("the active one")
WIZARD = t("the wizard of Microsoft Entra Connect, on the Connect Sync server")
NEVER: tuple[Text, ...] = (
    t("Set-ADSyncGlobalSettings: it flips a setting and makes neither rules nor the OU."),
    t("Initialize-ADSyncGroupWriteBack: its module is not part of Connect since 2.0.3.0."),
    t("Disable-ADSyncExportDeletionThreshold: it takes the protection from everything else that Connect exports."),
    t("Set-ADSyncAADCompanyFeature -GroupWritebackV2 $true: V2 is out of support and cannot be switched on."),
    t("Invoke-ADSyncSingleObjectSync: it goes from AD to the cloud alone and tests no writeback."),
)
"""What must never be run, though texts on the Internet name it."""
NEVER_TO_SWITCH_OFF: tuple[Text, ...] = (
    t("Set-ADSyncAADCompanyFeature -GroupWritebackV2 $false: it does not switch v1 off, and V2 never comes back."),
    *NEVER,
)
"""What must not be run in order to switch v1 off."""
NEVER_WHILE_CHOOSING: tuple[Text, ...] = (
    t("The wizard's Configure staging mode, to leave it: not before a run of this notebook hands that over."),
    *NEVER,
)
"""What must not be done while rules are tried on a server in staging mode."""


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What the steps name beside the target.

    Attributes:
        server: Name of the active Connect server; empty: not known.
        tenant_domain: Initial or default domain of the tenant.
    """

    server: str = ""
    tenant_domain: str = ""


@dataclass(frozen=True, slots=True)
class HandOver:
    """What one person does in one place.

    Attributes:
        action: Name of the action.
        title: What it does, in a few words.
        where: Where it is done.
        steps: In their order; each is ticked when it is done.
        lines: To be copied into a shell; empty: none.
        never: What must not be run.
    """

    action: str
    title: Text
    where: Text
    steps: tuple[Text, ...]
    lines: str = ""
    never: tuple[Text, ...] = ()

    @property
    def file(self) -> str:
        """Name of its file in the record."""
        return f"hand-off-{self.action}.txt"

    def text(self) -> str:
        """The file: lines that end with a line break; what nobody sees in a value is shown as ``\\u000a``."""
        parts = [printable(self.title), "", printable(t("Where: {where}", where=self.where)), ""]
        parts += [f"[ ] {number}. {printable(step)}" for number, step in enumerate(self.steps, 1)]
        if self.lines:
            parts += ["", *self.lines.rstrip("\n").split("\n")]
        if self.never:
            parts += ["", t("Never run:"), *(f"- {one}" for one in self.never)]
        return "\n".join(parts) + "\n"


def hand_over_of(action: ConnectAction, target: ConnectSyncTarget, facts: ServerFacts) -> HandOver:
    """What is handed over for an action.

    Raises:
        TypeError: The run carries it out itself: a defect.
    """
    made = _TEXTS.get(type(action))
    if made is None:
        raise TypeError(f"nobody is handed {action.name}")
    return made(action, target, facts)


def who_does_what(handed: Sequence[HandOver], did: int) -> Text:
    """What a person does now. Its numbers add up to that of the changes done, among which hand-overs count.

    Args:
        handed: What is handed over, in its order.
        did: How many changes the run has carried out itself.
    """
    return t(
        "Of {changes} the run has carried out {did} itself, and handed {given} over. A person does now, in this order: "
        "{titles}.",
        changes=counted(did + len(handed), "change"),
        did=did or t("none"),
        given=len(handed),
        titles=joined((one.title for one in handed), "; "),
    )


def _rights(action: ConnectAction, target: ConnectSyncTarget, facts: ServerFacts) -> HandOver:
    account = action.account if isinstance(action, LetConnectorWrite) else ""
    made = GrantConnectorRights(account, target.domain_dns_name, target.ou_dn)
    return HandOver(
        action.name,
        made.title,
        joined((made.where, _named(facts)), ", "),
        (
            t("Sign in as an administrator of the domain {domain}.", domain=printable(target.domain_dns_name)),
            t("Run the lines below. The last one says with -WhatIf what it would do."),
            t("Take -WhatIf away and run the last line again."),
        ),
        lines=made.text(),
    )


def _sign_in(target: ConnectSyncTarget, facts: ServerFacts) -> Text:
    return t(
        "Sign in as a Hybrid Identity Administrator of the tenant {domain} ({tenant}).",
        domain=printable(facts.tenant_domain) or t("with this id"),
        tenant=printable(target.tenant_id),
    )


def _to_optional_features(target: ConnectSyncTarget, facts: ServerFacts) -> tuple[Text, ...]:
    """The wizard's pages as far as the one with the box."""
    return (
        t("Open Microsoft Entra Connect, then Configure. Until it is closed again no cycle runs."),
        t("Choose Customize synchronization options, then Next."),
        _sign_in(target, facts),
        t("Go on with Next, without changing anything, as far as Optional features."),
    )


def _tick_writeback(action: ConnectAction, target: ConnectSyncTarget) -> tuple[Text, ...]:
    """The wizard's pages from the one with the box on."""
    by_name = isinstance(action, BringsGroups) and action.display_names
    return (
        t("Tick Group writeback. Leave every other box as it is. Next."),
        t("Choose this OU, and no other: {ou}", ou=printable(target.ou_dn)),
        t("Tick 'Writeback group Distinguished Name with cloud Display Name'. It cannot be changed later.")
        if by_name
        else t(
            "Leave 'Writeback group Distinguished Name with cloud Display Name' without a tick. It cannot be "
            "changed later."
        ),
        t("If the wizard says that the OU is excluded, put the OU into Domain and OU filtering first."),
        t("Configure, then Exit."),
    )


def _switch_on(action: ConnectAction, target: ConnectSyncTarget, facts: ServerFacts) -> HandOver:
    return HandOver(
        action.name,
        t("Group writeback is switched on: all Microsoft 365 groups, {groups}", groups=len(action.groups)),
        joined((WIZARD, _named(facts)), ", "),
        (
            t("Sign in on the server as its administrator and a member of ADSyncAdmins."),
            *_to_optional_features(target, facts),
            *_tick_writeback(action, target),
        ),
        never=NEVER,
    )


def _choose_groups(action: ConnectAction, target: ConnectSyncTarget, facts: ServerFacts) -> HandOver:
    kept_out = action.kept_out if isinstance(action, ChooseInStaging) else ()
    rules = ChooseGroups(tuple((one.group_id, one.display_name) for one in kept_out), len(action.groups))
    return HandOver(
        action.name,
        t(
            "Unconfirmed, in staging mode only: rules choose {groups} and keep {kept_out} out",
            groups=counted(len(action.groups), "group"),
            kept_out=counted(len(kept_out), "group"),
        ),
        t("a Connect Sync server in staging mode: its wizard, its Synchronization Rules Editor, Windows PowerShell"),
        (
            t(
                "Read this first. Microsoft says that v1 writes all Microsoft 365 groups or none; that rules choose "
                "among them no public text says. So all of this is done where nothing is exported, and AD stays as it "
                "is."
            ),
            t(
                "Take a server that is in staging mode, or put it there: its wizard, Configure, Configure staging "
                "mode. Where it is the only server, nothing at all is exported until it leaves staging mode: no user, "
                "no password, no device."
            ),
            t("Sign in on that server as its administrator and a member of ADSyncAdmins."),
            *_to_optional_features(target, facts),
            *_tick_writeback(action, target),
            t("Make the two rules that the lines below describe, then run the lines: a whole cycle, and no export."),
            t("Run the collector there with -PendingExports: gwb connect collector writes it out."),
            t(
                "Name its file in connect_evidence, and run this notebook again with the same change id: it compares "
                "what that server would export with the groups that are chosen. Until it hands the next step over, "
                "nobody takes the server out of staging mode."
            ),
        ),
        lines=rules.text(),
        never=NEVER_WHILE_CHOOSING,
    )


def _leave_staging(action: ConnectAction, target: ConnectSyncTarget, facts: ServerFacts) -> HandOver:
    return HandOver(
        action.name,
        t(
            "The server with the rules becomes the active one: {groups} will be written",
            groups=counted(len(action.groups), "group"),
        ),
        joined((WIZARD, _named(facts, t("the one with the rules"))), ", "),
        (
            t(
                "Where another server is the active one, put that into staging mode first: its wizard, Configure, "
                "Configure staging mode. Two active servers write against each other."
            ),
            t("Sign in on the server with the rules as its administrator and a member of ADSyncAdmins."),
            t("Open Microsoft Entra Connect, then Configure. Choose Configure staging mode, then Next."),
            _sign_in(target, facts),
            t("Clear the box for staging mode, then Next, Configure and Exit."),
            t(
                "Note where these rules are kept: a server without them that becomes the active one writes all "
                "Microsoft 365 groups. A group that is made later is named by no rule and is written."
            ),
        ),
        never=NEVER,
    )


def _switch_off(action: ConnectAction, target: ConnectSyncTarget, facts: ServerFacts) -> HandOver:
    going = len(action.groups_going) if isinstance(action, SwitchOff) else 0
    return HandOver(
        action.name,
        t("Group writeback is switched off: the next cycle deletes {groups}", groups=counted(going, "AD group")),
        joined((WIZARD, _named(facts)), ", "),
        (
            t("Sign in on the server as its administrator and a member of ADSyncAdmins."),
            t(
                "Run Get-ADSyncExportDeletionThreshold and note the threshold: it is shared by everything that Connect "
                "exports. Do not switch it off. Whether it counts deletions in AD is not documented."
            ),
            *_to_optional_features(target, facts),
            t("Clear Group writeback. Leave every other box as it is."),
            t(
                "The wizard warns that groups will be deleted. Approved is that {groups} in {ou} go: where anything "
                "about that is in doubt, answer No and tell whoever approved. Otherwise Yes, then Next.",
                groups=counted(going, "AD group"),
                ou=printable(target.ou_dn),
            ),
            t("Configure, then Exit."),
        ),
        never=NEVER_TO_SWITCH_OFF,
    )


def _cycle(action: ConnectAction, target: ConnectSyncTarget, facts: ServerFacts) -> HandOver:
    del target
    made = RunDeltaCycle()
    return HandOver(
        action.name,
        made.title,
        joined((CONNECT_SHELL, _named(facts)), ", "),
        (
            t("Wait until the wizard is closed. It may have begun a cycle by itself, and one comes every 30 minutes."),
            t("Where none runs, run the lines below."),
            t("When the cycle is done, run the collector there: gwb connect collector writes it out."),
            t("Name its file in connect_evidence, and run this notebook again with the same change id: it waits."),
        ),
        lines=made.text(),
        never=NEVER,
    )


def _named(facts: ServerFacts, otherwise: Text = _THE_ACTIVE_ONE) -> Text:
    return t("named {server}", server=printable(facts.server, limit=80)) if facts.server else otherwise


_TEXTS: Mapping[type[ConnectAction], Callable[[ConnectAction, ConnectSyncTarget, ServerFacts], HandOver]] = {
    LetConnectorWrite: _rights,
    SwitchOn: _switch_on,
    ChooseInStaging: _choose_groups,
    LeaveStaging: _leave_staging,
    SwitchOff: _switch_off,
    RunCycle: _cycle,
}
