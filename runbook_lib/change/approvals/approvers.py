"""Who may approve, as the parameter ``approvers`` says. Pure.

A name is what the approver typed. ``account:`` and ``group:`` are about the account that owns the approval's file,
which nobody types; where the system does not tell an owner (Windows) neither counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.change.approvals.file import FileFacts
from runbook_lib.errors import AwaitingApproval, UsageError
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.model.untrusted import printable
from runbook_lib.strict_file import own_account

LONGEST_NAME = 200
"""Characters of an approver's name."""
_ACCOUNT, _GROUP = "account:", "group:"


@dataclass(frozen=True, slots=True)
class Approvers:
    """The entries of ``approvers``, folded; none: anybody who can write to the records folder."""

    names: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    @property
    def anybody(self) -> bool:
        """Whether nobody is named."""
        return not (self.names or self.accounts or self.groups)

    def why_not(self, approver: str, file: FileFacts) -> Text:
        """Why this approver does not count, as a clause; empty where they do."""
        if self.anybody or _folded(approver) in self.names:
            return NOTHING
        groups = {_folded(name) for name in file.groups}
        if file.owner and not file.shared and (_folded(file.owner) in self.accounts or self.groups & groups):
            return NOTHING
        if file.shared:
            return t(
                "that name is not allowed by the parameter approvers, and others than its owner may write to its file"
            )
        if not file.owner:
            return t("neither that name nor its file is allowed by the parameter approvers")
        return t(
            "neither that name nor the account {owner}, which owns its file, is allowed by the parameter approvers",
            owner=printable(file.owner, limit=80),
        )


ANYBODY = Approvers()


def require_approver(approver: str, approvers: Approvers) -> None:
    """Refuse an approval by somebody that no run would count, before its file is written.

    The file would belong to the account of this process.

    Raises:
        AwaitingApproval: ``approver-not-allowed``, in the words of the gate.
        UsageError: ``approver-name``: a reader would take it for another name.
    """
    if printable(approver) != approver:
        raise UsageError(
            t(
                "The name of the approver has characters that nobody sees: {approver}.",
                approver=printable(approver, limit=80),
            ),
            code="approver-name",
            hint=t("Type the name again, without what was copied along with it."),
        )
    if len(approver) > LONGEST_NAME:
        raise UsageError(
            t("The name of the approver has more than {longest_name} characters.", longest_name=LONGEST_NAME),
            code="approver-name",
            hint=t("It is stored in every record: type a name."),
        )
    owner, groups = own_account()
    if refused := approvers.why_not(approver, FileFacts(Path(), "", owner, groups)):
        raise AwaitingApproval(
            t("{not_counted}: {refused}.", not_counted=not_counted(approver), refused=refused),
            code="approver-not-allowed",
            hint=t("Nothing is approved. Somebody whom the parameter approvers names has to approve."),
            values={"approver": approver},
        )


def not_counted(approver: str) -> Text:
    """How a sentence begins about an approval that does not count."""
    return t("The approval by {approver} does not count", approver=printable(approver, limit=80))


def approvers_of(entries: Iterable[str]) -> Approvers:
    """Read the parameter."""
    found: dict[str, set[str]] = {"": set(), _ACCOUNT: set(), _GROUP: set()}
    for entry in entries:
        prefix = next((mark for mark in (_ACCOUNT, _GROUP) if entry.casefold().startswith(mark)), "")
        found[prefix].add(_folded(entry[len(prefix) :]))
    return Approvers(frozenset(found[""]), frozenset(found[_ACCOUNT]), frozenset(found[_GROUP]))


def approver_findings(
    approvals: Iterable[tuple[str, FileFacts]], approvers: Approvers, requesters: Iterable[str]
) -> tuple[Finding, ...]:
    """What a reader of the record has to know about who approved.

    Args:
        approvals: Name and file of each approval that was used.
        approvers: Who may approve.
        requesters: Accounts and names of who runs it, as far as they are known.
    """
    asked = {_folded(name): name for name in requesters if name.strip()}
    same = [
        (approver, file.owner, file.owner if file.owner and _folded(file.owner) in asked else "")
        for approver, file in approvals
        if _folded(approver) in asked or (file.owner and _folded(file.owner) in asked)
    ]
    found = []
    if approvers.anybody:
        found.append(
            Finding(
                id="approvers-anybody",
                severity=Severity.INFO,
                seen=t("The parameters do not say who may approve: whoever can write to the records folder could."),
                to_do=t("Name people, accounts or groups in approvers if that matters."),
            )
        )
    if same:
        approver, owner, wrote = same[0]
        shown = printable(approver, limit=80)
        by = t("the names are the same")
        if wrote:
            by = t("the account {account} wrote its approval file", account=printable(wrote, limit=80))
        found.append(
            Finding(
                id="approver-is-requester",
                severity=Severity.WARNING,
                seen=t("Who approved ({shown}) and who ran it are one: {by}.", shown=shown, by=by),
                expected=t("One person asks for a change and another one approves it."),
                why=t("Nobody else looked at the plan before it was written."),
                to_do=t("Have the next plan approved under another account, or accept that one person decided."),
                values={"approver": approver, "owner": owner},
            )
        )
    return tuple(found)


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()
