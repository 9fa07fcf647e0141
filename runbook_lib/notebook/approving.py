"""Who may approve the change of this run, and what approves it in JupyterLab."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from runbook_lib.change.approvals.approvers import Approvers, Requesters, approver_findings, approvers_of
from runbook_lib.change.approvals.gate import Grant
from runbook_lib.errors import AwaitingApproval, RunbookError
from runbook_lib.files import RECORD
from runbook_lib.model.finding import Finding
from runbook_lib.model.text import t
from runbook_lib.notebook.context import RunContext
from runbook_lib.parameters.paths import project_root
from runbook_lib.record.attested import kept_name
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.requesters import askers, requesters_in
from runbook_lib.record.run_record import account
from runbook_lib.signing.from_parameters import signing_of, trusted_of
from runbook_lib.signing.signature import Signing, signature_path
from runbook_lib.strict_file import LARGEST_APPROVAL, Unfit, read_plain


def approvers_for(context: RunContext) -> Approvers:
    """Who may approve, as the parameters say now.

    Raises:
        UsageError: The key of the run or the folder of trusted signers cannot be used.
    """
    parameters = context.parameters
    found = replace(
        approvers_of(parameters.approvers), trusted=trusted_of(parameters, project_root(context.environment))
    )
    if not parameters.require_other_approver:
        return found
    signing = signing_for(context)
    return replace(
        found,
        requesters=Requesters(
            names=frozenset(requesters(context)),
            keys=frozenset({signing.key.shown.key_id} if signing else ()),
            planners=planners_of(context.record.folder.change_folder),
        ),
    )


def signing_for(context: RunContext) -> Signing | None:
    """What signs for this run; None: nothing does.

    Raises:
        UsageError: The key cannot be used.
    """
    return signing_of(context.parameters, project_root(context.environment))


def requesters(context: RunContext) -> tuple[str, ...]:
    """Names of who asks for this and runs it: the account of this process, and what record and parameters have."""
    asked = askers(context.parameters.requested_by)
    return tuple(dict.fromkeys(name for name in (account(), *requesters_in(context.record.facts), *asked) if name))


def findings_about(grant: Grant, context: RunContext) -> tuple[Finding, ...]:
    """What a reader of the record has to know about who approved what was granted."""
    used = [(approval.approver, approval.file) for approval in grant.approvals]
    return approver_findings(used, approvers_for(context), requesters(context))


def keep_approvals(context: RunContext, grant: Grant) -> None:
    """Keep in the record what the run writes under, with its signature: approvals end, and are given again.

    Raises:
        AwaitingApproval: ``approval-withdrawn``: a file is not the one that was granted any more.
    """
    for number, approval in enumerate(grant.approvals, start=1):
        path = approval.file.path
        try:
            plain = read_plain(path, largest=LARGEST_APPROVAL)
        except (FileNotFoundError, Unfit):
            plain = None
        if plain is None or plain.sha256 != approval.file.sha256:
            raise AwaitingApproval(
                t("The approval {path} was changed while it was read.", path=path),
                code="approval-withdrawn",
                hint=t("Run the gate again."),
                values={"path": str(path)},
            )
        name = kept_name(number)
        context.record.folder.write_bytes(name, plain.data)
        if approval.file.signature is not None:
            for suffix, data in approval.file.signature.parts.items():
                context.record.folder.write_bytes(signature_path(Path(name), suffix).name, data)


def planners_of(change_folder: Path) -> dict[str, frozenset[str]]:
    """Run of the change to the names of who ran it; runs whose record cannot be read are left out."""
    found = {}
    for path in change_folder.iterdir():
        if (path / RECORD).is_file():
            with suppress(RunbookError):
                found[path.name] = frozenset(requesters_in(RecordFolder(path).read_json(RECORD)))
    return found
