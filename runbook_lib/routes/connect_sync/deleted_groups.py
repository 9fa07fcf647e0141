"""Deleted groups that come back, settings that are replaced: AD and the tenant as the steps of leaving v1 need them.

Whether the account may bring a group back is told as far as access lists tell: a deleted object keeps the list that it
had, and most accounts may not read it, so what the list of the OU would give to a new group there is what counts.
Source: docs/permissions.md; [MS-ADTS] 3.1.1.5.3.7.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.deleted import read_one_deleted
from runbook_lib.directory.rights.account import read_situation
from runbook_lib.directory.rights.needs import operations
from runbook_lib.directory.rights.table import OperationRight, rights_table
from runbook_lib.directory.search import all_of, equals
from runbook_lib.graph.groups import read_writeback_state
from runbook_lib.graph.tenant.group_settings import GroupSettings, read_group_settings
from runbook_lib.graph.transport import GraphClient
from runbook_lib.graph.writing import GraphWrite, Written
from runbook_lib.model.cloud import Switch
from runbook_lib.model.directory import DeletedObject
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.ids import ANCHOR_ATTRIBUTE, MARK_ATTRIBUTE, GroupId
from runbook_lib.model.text import joined, t
from runbook_lib.preflight.hand_off import GrantRights
from runbook_lib.routes.direct.live import present_name


class DeletedGroups:
    """``GroupsThatWent`` over LDAP.

    Args:
        directory: The pinned domain controller.
        ou_guid: objectGUID of the OU of written groups.
    """

    def __init__(self, directory: Directory, ou_guid: str) -> None:
        self._directory = directory
        self._ou_guid = ou_guid

    def standing(self, guid: str) -> str | None:
        """Where an object stands."""
        return present_name(self._directory, guid)

    def deleted(self, guid: str) -> DeletedObject | None:
        """The deleted object."""
        return read_one_deleted(self._directory, guid)

    def written_again(self, anchor: str) -> str | None:
        """Looked for below the OU alone: the anchor has no index in AD's own schema."""
        ou = present_name(self._directory, self._ou_guid)
        if ou is None:
            return None
        wanted = all_of(equals("objectClass", "group"), equals(ANCHOR_ATTRIBUTE, anchor))
        return next((entry.dn for entry in self._directory.search(ou, wanted, ("objectGUID",))), None)

    def place(self, relative: str) -> tuple[str, bool] | None:
        """Its name in the OU as that stands now."""
        ou = present_name(self._directory, self._ou_guid)
        if ou is None:
            return None
        dn = f"{relative},{ou}"
        return dn, self._directory.read_dn(dn, ("objectGUID",)) is not None

    def bring_back(self, deleted: DeletedObject, dn: str, anchor: str) -> None:
        """The anchor is written in the same operation: a tombstone has lost it, and Connect joins by it."""
        self._directory.undelete(deleted.dn, dn, {ANCHOR_ATTRIBUTE: (anchor,)})


class SettingsOfTenant:
    """``TenantSettings`` over Microsoft Graph."""

    def __init__(self, client: GraphClient) -> None:
        self._client = client

    def read(self) -> GroupSettings:
        """As they are now."""
        return read_group_settings(self._client)

    def write(self, write: GraphWrite, version: str = "v1.0") -> Written:
        """Send one write, once."""
        return self._client.writer.write(write, version)

    def writeback_state(self, group_id: GroupId) -> bool | None:
        """Whether a group is to be written back under V2."""
        return read_writeback_state(self._client, group_id)


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
