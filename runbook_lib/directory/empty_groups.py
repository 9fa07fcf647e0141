"""Groups that a cloud writer anchored in this domain and that have no member."""

from __future__ import annotations

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.filters import all_of, equals, not_, present, starts_with
from runbook_lib.model.anchor import EXTERNAL_ID_ATTRIBUTE, group_id_of_anchor


def read_empty_groups(directory: Directory) -> dict[str, str]:
    """Cloud group id to DN, of groups with ``msDS-ExternalDirectoryObjectId=Group_<id>`` and without a member.

    A group whose members this account may not read looks empty too.

    Raises:
        RunbookError: The search failed.
    """
    wanted = all_of(
        equals("objectClass", "group"), starts_with(EXTERNAL_ID_ATTRIBUTE, "Group_"), not_(present("member"))
    )
    base = directory.controller.default_naming_context
    found = {}
    for entry in directory.search(base, wanted, (EXTERNAL_ID_ATTRIBUTE,)):
        if group_id := group_id_of_anchor(entry.text(EXTERNAL_ID_ATTRIBUTE) or ""):
            found[group_id] = entry.dn
    return dict(sorted(found.items()))
