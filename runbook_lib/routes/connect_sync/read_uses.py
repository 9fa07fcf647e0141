"""What hangs on groups, read from AD and a file of share permissions; and the groups of a domain before some go."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from runbook_lib.connect.share_permissions import read_share_permissions
from runbook_lib.connect.uses import Uses, account_names, uses_of
from runbook_lib.directory.access_entries import find_access_entries
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.references import read_holders, read_links
from runbook_lib.directory.rights.account import netbios_name
from runbook_lib.errors import Refused
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.ids import ObjectGuid, as_object_guid
from runbook_lib.model.predicted import Known
from runbook_lib.model.text import Progress, t
from runbook_lib.routes.connect_sync.leaving_actions import GoingGroup
from runbook_lib.strict_file import Unfit, read_plain, strict_json

GOING_FILE, USES_FILE = "groups-going.csv", "uses.csv"
"""Tables of a record: the AD groups that go, and what hangs on each."""
USE_COLUMNS = ("dn", "guid", "kind", "holder", "what")
GOING_COLUMNS = ("display_name", "dn", "group_id", "guid", "sid", "certain", "members", "managed_by", "uses")
"""Columns of these tables."""
BEFORE_FILE = "groups-before.json"
"""File of a record: every AD group of the domain before v1 was switched off, GUID to distinguished name."""
_LARGEST_BEFORE = 256 * 1024 * 1024
"""Bytes of it; a group has about 150."""


def read_uses(
    directory: Directory,
    groups: Sequence[DirectoryGroup],
    ou: str,
    access_ous: Sequence[str],
    shares: str,
    progress: Progress | None = None,
) -> Uses:
    """Read what hangs on some groups.

    Args:
        directory: The pinned domain controller.
        groups: The groups that are to go.
        ou: DN of the OU of written groups, where most of them stand.
        access_ous: DNs of the OUs whose access lists are searched; none: no access list is.
        shares: Path of a file of share permissions; empty: there is none.
        progress: Told of the objects whose access lists were read.

    Raises:
        RunbookError: AD does not answer, an OU is not there, or the file cannot be read.
    """
    links, netbios = read_links(directory), netbios_name(directory)
    holders = read_holders(directory, ou, [group.guid for group in groups], links)
    sids = {group.sid for group in groups if group.sid}
    access = find_access_entries(directory, access_ous, sids, progress) if access_ous else None
    named = read_share_permissions(Path(shares), account_names(groups, netbios)) if shares else None
    return uses_of(groups, holders, links, access, named, netbios)


def uses_table(uses: Uses, names: Mapping[ObjectGuid, str]) -> pd.DataFrame:
    """The columns of ``USE_COLUMNS``, one row for each use, all ``object``; ``names``: DNs of the groups by GUID."""
    rows = [(names.get(use.guid, ""), use.guid, use.kind.value, use.holder, str(use.what)) for use in uses.all]
    return pd.DataFrame(rows, columns=list(USE_COLUMNS), dtype=object)


def going_table(going: Sequence[GoingGroup], groups: Mapping[str, DirectoryGroup], uses: Uses) -> pd.DataFrame:
    """The columns of ``GOING_COLUMNS``, one row for each group that goes, all ``object``.

    Args:
        going: The groups.
        groups: AD groups by GUID.
        uses: What hangs on them.
    """
    counts: dict[ObjectGuid, int] = {}
    for use in uses.all:
        counts[use.guid] = counts.get(use.guid, 0) + 1
    rows = []
    for one in going:
        group = groups.get(one.guid)
        members = len(group.members) if group and group.members is not None else None
        owner = (group.text("managedBy") or "") if group else ""
        state = (Known.YES if one.certain else Known.UNKNOWN).value
        rows.append(
            (one.display_name, one.dn, one.group_id, one.guid, one.sid, state, members, owner, counts.get(one.guid, 0))
        )
    return pd.DataFrame(rows, columns=list(GOING_COLUMNS), dtype=object)


def groups_before(groups: Sequence[DirectoryGroup]) -> str:
    """``BEFORE_FILE`` of a domain with these groups."""
    told = {group.guid: group.dn for group in groups}
    return json.dumps(told, indent=1, sort_keys=True, ensure_ascii=True) + "\n"


def read_groups_before(runs: Sequence[Path], sha256: str) -> dict[ObjectGuid, str]:
    """What ``BEFORE_FILE`` says of the run that handed v1 over to be switched off.

    Args:
        runs: Folders of the runs of a change, oldest first.
        sha256: Of that file, by the journal; empty (runs of earlier versions): the first run that wrote one counts.

    Raises:
        Refused: It is missing or is not what was written (``groups-before-unread``).
    """
    kept = [one for one in runs if (one / BEFORE_FILE).exists()]
    run = next((one for one in kept if sha256 == _digest_of(one / BEFORE_FILE)), (kept or runs[-1:])[0])
    why = t("it is missing")
    try:
        data = read_plain(run / BEFORE_FILE, largest=_LARGEST_BEFORE).data
        told = strict_json(data)
        if sha256 and hashlib.sha256(data).hexdigest() != sha256:
            why = t("the journal names it by another SHA-256")
        elif isinstance(told, dict):
            return {as_object_guid(guid): str(dn) for guid, dn in told.items()}
        else:
            why = t("it holds no list of groups")
    except FileNotFoundError:
        pass
    except Unfit as unfit:
        why = unfit.why
    except ValueError:
        why = t("it names an object by something else than its GUID")
    raise Refused(
        t("{file} of the run {run} cannot be believed: {why}.", file=BEFORE_FILE, run=run.name, why=why),
        code="groups-before-unread",
        hint=t(
            "It says which groups stood in AD before v1 was switched off; without it nothing proves that no other "
            "group went. Bring the file back from your backup of the records."
        ),
        values={"run": run.name},
    )


def _digest_of(path: Path) -> str:
    try:
        return hashlib.sha256(read_plain(path, largest=_LARGEST_BEFORE).data).hexdigest()
    except (OSError, Unfit):
        return ""
