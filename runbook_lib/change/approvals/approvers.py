"""Who may approve, as ``approvers``, ``trusted_signers`` and ``require_other_approver`` say. Pure.

A name is what the approver typed. ``account:`` and ``group:`` are about the account that owns the approval's file,
which nobody types; where the system does not tell an owner (Windows) neither counts. ``signer:`` is about the key that
signed it, by the name that the folder of trusted signers gives that key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from runbook_lib.change.approvals.given import FileFacts
from runbook_lib.errors import AwaitingApproval, UsageError
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.model.untrusted import printable
from runbook_lib.signing.keys import ShownKey
from runbook_lib.signing.signature import Signature
from runbook_lib.signing.trust import TrustedSigners
from runbook_lib.strict_file import own_account

LONGEST_NAME = 200
"""Characters of an approver's name."""
_ACCOUNT, _GROUP, _SIGNER = "account:", "group:", "signer:"


@dataclass(frozen=True, slots=True)
class Requesters:
    """Who asks for a change and so may not approve it, where ``require_other_approver`` is set.

    Attributes:
        names: Accounts and names of who runs it.
        keys: Ids of the keys that the run signs with.
        planners: Run to the accounts and names of who ran it: those of a plan have asked for it too.
    """

    names: frozenset[str]
    keys: frozenset[str] = frozenset()
    planners: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def are(self, names: Iterable[str], key_id: str, planning_record: str) -> bool:
        """Whether one of these names, or the key, is that of somebody who asks."""
        asking = {_folded(name) for name in (*self.names, *self.planners.get(planning_record, ())) if name.strip()}
        return key_id in self.keys or any(_folded(name) in asking for name in names)


@dataclass(frozen=True, slots=True)
class Approvers:
    """The entries of ``approvers``, folded; none: anybody who can write to the records folder.

    Attributes:
        trusted: Whose signatures count; None: an approval needs none.
        requesters: Who may not approve; None: whoever asks may approve as well.
    """

    names: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    signers: frozenset[str] = frozenset()
    trusted: TrustedSigners | None = None
    requesters: Requesters | None = None

    @property
    def anybody(self) -> bool:
        """Whether nobody is named."""
        return not (self.names or self.accounts or self.groups or self.signers)

    def why_not(self, approver: str, file: FileFacts, at: datetime, planning_record: str = "") -> Text:
        """Why this approver does not count, as a clause; empty where they do.

        Args:
            approver: The name that was typed.
            file: The file of the approval.
            at: When it was given.
            planning_record: Run whose record was read for it.
        """
        shown = file.signature.shown if file.signature else None
        signer = self.trusted.name_of(shown, at) if self.trusted and shown else None
        if self.trusted is not None and signer is None:
            if shown is None:
                return t("it is not signed, and the parameter trusted_signers asks for a signature")
            return t("the key {key_id} that signed it is not among trusted_signers", key_id=shown.key_id)
        if self.requesters is not None and self.requesters.are(
            (approver, file.owner, signer or ""), shown.key_id if shown else "", planning_record
        ):
            return t(
                "whoever asks for the change is the same, and the parameter require_other_approver asks for another"
            )
        if self.anybody or _folded(approver) in self.names:
            return NOTHING
        if signer is not None and _folded(signer) in self.signers:
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


def require_approver(
    approver: str, approvers: Approvers, at: datetime, shown: ShownKey | None = None, planning_record: str = ""
) -> None:
    """Refuse an approval by somebody that no run would count, before its file is written.

    The file would belong to the account of this process, and be signed by the key ``shown``.

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
    signature = Signature(shown, b"", None) if shown is not None else None
    file = FileFacts(Path(), "", owner, groups, signature=signature)
    if refused := approvers.why_not(approver, file, at, planning_record):
        raise AwaitingApproval(
            t("{not_counted}: {refused}.", not_counted=not_counted(approver), refused=refused),
            code="approver-not-allowed",
            hint=_instead(approvers, signed=signature is not None),
            values={"approver": approver},
        )


def _instead(approvers: Approvers, *, signed: bool) -> Text:
    """What to do where an approver does not count."""
    if approvers.trusted is not None and not signed:
        return t("Nothing is approved. Sign it with a key of trusted_signers: gwb approve RECORD --key FILE")
    if approvers.anybody:
        return t("Nothing is approved. Somebody else has to approve.")
    return t("Nothing is approved. Somebody whom the parameter approvers names has to approve.")


def not_counted(approver: str) -> Text:
    """How a sentence begins about an approval that does not count."""
    return t("The approval by {approver} does not count", approver=printable(approver, limit=80))


def approvers_of(entries: Iterable[str]) -> Approvers:
    """Read the parameter."""
    found: dict[str, set[str]] = {"": set(), _ACCOUNT: set(), _GROUP: set(), _SIGNER: set()}
    for entry in entries:
        prefix = next((mark for mark in (_ACCOUNT, _GROUP, _SIGNER) if entry.casefold().startswith(mark)), "")
        found[prefix].add(_folded(entry[len(prefix) :]))
    names, accounts, groups, signers = (frozenset(found[prefix]) for prefix in ("", _ACCOUNT, _GROUP, _SIGNER))
    return Approvers(names, accounts, groups, signers)


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
                seen=t("Who approved ({shown}) and who asked for it or ran it are one: {by}.", shown=shown, by=by),
                expected=t("One person asks for a change and another one approves it."),
                why=t("Nobody else looked at the plan before it was written."),
                to_do=t("Have the next plan approved under another account, or accept that one person decided."),
                values={"approver": approver, "owner": owner},
            )
        )
    return tuple(found)


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()
