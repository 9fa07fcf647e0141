"""Whether the account of a run may bring groups back to the OU of written groups, as far as access lists tell.

A deleted object keeps the access list that it had, and most accounts may not read it: what the list of the OU would
give to a new group there is what can be told. Source: docs/permissions.md; [MS-ADTS] 3.1.1.5.3.7.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.rights.account import read_situation
from runbook_lib.directory.rights.needs import operations
from runbook_lib.directory.rights.table import OperationRight, rights_table
from runbook_lib.model.cloud import Switch
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.ids import MARK_ATTRIBUTE
from runbook_lib.model.text import joined, t
from runbook_lib.preflight.hand_off import GrantRights

_UNDELETE = "undelete:target"


def read_bring_back_right(directory: Directory, ou: str) -> tuple[OperationRight, str]:
    """The right to bring groups back to an OU, and the account that is asked about.

    Raises:
        RunbookError: The controller does not answer, or does not say whose connection this is.
    """
    situation = read_situation(directory, ou, "")
    known = next(one for one in operations(situation.types) if one.id == _UNDELETE)
    # What v1 wrote carries no mark of this runbook, and none is written to it.
    needs = tuple(row for row in known.needs if all(need.name != MARK_ATTRIBUTE for need in row))
    (row,) = rights_table(situation, [replace(known, needs=needs)])
    return row, situation.account.name


def bring_back_findings(row: OperationRight, account: str, *, now: bool) -> Iterator[Finding]:
    """That the account may not bring groups back; nothing where it may, or where that is not known.

    Args:
        row: Of ``read_bring_back_right``.
        account: Likewise.
        now: Whether the plan brings groups back; otherwise a later undo would.
    """
    if row.granted is not Switch.OFF:
        return
    grants = tuple(one.grant for one in row.missing if one.grant)
    yield Finding(
        id="bring-back-not-allowed",
        severity=Severity.BLOCKING if now else Severity.WARNING,
        seen=t(
            "{account} may not bring a deleted group back to the OU: {missing}.",
            account=account,
            missing=joined((one.what for one in row.missing), "; "),
        ),
        expected=t("It may, or another account is told in bind_user for 60-undo-change."),
        why=t("AD refuses it (insufficient access rights), and v1 must not be switched on before the groups are back."),
        to_do=t("Have these rights granted, or let 60-undo-change run with an account that has them."),
        source="docs/permissions.md; [MS-ADTS] 3.1.1.5.3.7",
        values={"missing": [one.id for one in row.missing]},
        acknowledgeable=True,
        hand_offs=(GrantRights(t("bring deleted groups back"), account, grants),) if grants else (),
    )
