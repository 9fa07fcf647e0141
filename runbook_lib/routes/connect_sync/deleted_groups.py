"""AD and the tenant as the steps of leaving v1 need them: deleted groups that come back, settings that are replaced."""

from __future__ import annotations

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.deleted import read_one_deleted
from runbook_lib.directory.search import all_of, equals
from runbook_lib.graph.tenant.group_settings import GroupSettings, read_group_settings
from runbook_lib.graph.transport import GraphClient
from runbook_lib.graph.writeback_state import read_writeback_state
from runbook_lib.graph.writing import GraphWrite, Written
from runbook_lib.model.directory import DeletedObject
from runbook_lib.model.ids import ANCHOR_ATTRIBUTE, GroupId
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
