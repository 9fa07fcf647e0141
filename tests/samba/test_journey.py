"""The journey of ``gwb demo`` on a real Active Directory: the same steps, the same expectations, another scene."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rehearsal.journey import APPROVER, EDITED_DESCRIPTION, Journey
from rehearsal.scene import Objects, Roles
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.verify import verify
from tests.samba.cloud import GROUPS, SambaCloud, identifier, microsoft_365_group
from tests.samba.lab import SambaLab
from tests.samba.test_kill import empty
from tests.samba.test_whole_path import ROOT, outside

NEWCOMER = ("Diego Siciliani", "diegos")
ROLES = Roles(
    selected=tuple(GROUPS),
    edited="Sales Team",
    retired=tuple(name for name in GROUPS if name != "Sales Team"),
    joined="Sales Team",
    newcomer=NEWCOMER[0],
    new_group="Selected Later",
)
OUTCOMES = (
    *("done", "done"),  # detect, inventory
    *("awaiting-approval", "done", "nothing-to-do"),  # enable
    *("nothing-to-do", "refused"),  # drift
    *("awaiting-approval", "done"),  # disable
    *("awaiting-approval", "done"),  # undo
    "awaiting-approval",  # on a schedule
)


@dataclass(frozen=True)
class SambaScene:
    """The lab as its administrator sees it, with OpenLDAP's tools; the tenant is edited directly."""

    samba: SambaLab
    cloud: SambaCloud
    parameters_file: Path
    roles: Roles = ROLES

    def objects(self) -> Objects:
        found = self.samba.tools.search(self.samba.base_dn, "(objectClass=*)", "*", "objectGUID")
        return {
            entry.dn: {name: [shown(value) for value in values] for name, values in entry.attributes.items()}
            for entry in found
        }

    def edit_by_hand(self, group: str, remove_member: str, description: str) -> None:
        held = self.objects()
        account = next(dn for dn, values in held.items() if values.get("sAMAccountName") == [remove_member])
        dn = next(dn for dn, values in held.items() if values.get("displayName") == [group] and "member" in values)
        self.samba.tools.modify(
            f"dn: {dn}\nchangetype: modify\ndelete: member\nmember: {account}\n-\n"
            f"replace: description\ndescription: {description}\n"
        )

    def join(self, group: str, member: str) -> None:
        assert member == NEWCOMER[0]
        self.cloud.store.add_member(identifier(group), identifier(NEWCOMER[1]))


def shown(value: bytes) -> str:
    """Text, or octets in a form that is one."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return f"base64:{base64.b64encode(value).decode('ascii')}"


@pytest.fixture
def scene(
    samba: SambaLab, samba_cloud: SambaCloud, write_parameters: Callable[..., Path], tmp_path: Path
) -> Iterator[SambaScene]:
    samba_cloud.store.add_group(microsoft_365_group(ROLES.new_group, len(GROUPS) + 1))
    told = {**samba_cloud.parameters(), "select_names": list(GROUPS), "records_dir": str(tmp_path / "records")}
    empty(samba)
    yield SambaScene(samba, samba_cloud, write_parameters(**told))
    empty(samba)


def test_the_whole_journey(scene: SambaScene, samba: SambaLab, tmp_path: Path) -> None:
    before = outside(samba)
    journey = Journey(scene, ROOT, tmp_path / "records", "SAMBA", quiet=True)

    journey.go()

    assert tuple(line.outcome.value for line in journey.lines) == OUTCOMES
    assert all(verify(RecordFolder.open(line.record)).ok for line in journey.lines)
    drift, last = journey.lines[6].record, journey.lines[-1].record
    reported = (drift / "drift.csv").read_text("utf-8-sig")
    assert EDITED_DESCRIPTION in reported
    assert {line.split(",")[2] for line in reported.splitlines()[1:]} == {"description", "member missing"}
    standing = json.loads((last / "record.json").read_text("utf-8"))["approval"]
    assert (standing["kind"], standing["approver"]) == ("standing", APPROVER)
    written = {
        values["displayName"][0]: values
        for dn, values in scene.objects().items()
        if dn.endswith(f",{samba.target_ou}") and "displayName" in values
    }
    assert set(written) == set(GROUPS)
    sales = written["Sales Team"]
    assert sales["description"] == ["Sales Team: description"]
    accounts = {dn: values.get("sAMAccountName", [""])[0] for dn, values in scene.objects().items()}
    assert {accounts[dn] for dn in sales["member"]} == {"adelev", "alexw", NEWCOMER[1]}
    assert outside(samba) == before
