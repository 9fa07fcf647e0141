"""The journey of ``gwb demo`` on a real Active Directory: the same steps, the same expectations, another scene."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from rehearsal.journey import APPROVER, EDITED_DESCRIPTION, Journey, Line
from rehearsal.scene import Objects, Roles
from runbook_lib.model.outcome import Outcome
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.manifest import verified_record
from tests.samba.cloud import GROUPS, SambaCloud, identifier, microsoft_365_group
from tests.samba.lab import SambaLab
from tests.samba.operator import Content, check_written, groups_in, outside
from tests.samba.test_kill import empty

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


KEPT = ("objectSid", "member", "adminDescription")


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


def name_of(values: Mapping[str, tuple[bytes, ...]]) -> str:
    """Display name of a group."""
    return values["displayName"][0].decode()


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


class WatchedJourney(Journey):
    """Keeps what stands in target OU and retired OU after every run."""

    def watch(self, samba: SambaLab) -> list[tuple[Content, Content]]:
        self.samba = samba
        self.seen: list[tuple[Content, Content]] = []
        return self.seen

    def run(self, notebook: str, change: str, expected: Outcome, given: Mapping[str, str] | None = None) -> Path:
        record = super().run(notebook, change, expected, given)
        self.seen.append((groups_in(self.samba, self.samba.target_ou), groups_in(self.samba, self.samba.retired_ou)))
        return record


def test_the_whole_journey(scene: SambaScene, samba: SambaLab, tmp_path: Path) -> None:
    before = outside(samba)
    journey = WatchedJourney(scene, tmp_path / "records", "SAMBA", quiet=True)
    seen = journey.watch(samba)

    journey.go()

    assert tuple(line.outcome.value for line in journey.lines) == OUTCOMES
    assert all(verified_record(RecordFolder.open(line.record)).ok for line in journey.lines)
    assert outside(samba) == before
    check_enabled_and_retired(samba, seen)
    check_drift_and_schedule(scene, samba, journey.lines)


def check_enabled_and_retired(samba: SambaLab, seen: Sequence[tuple[Content, Content]]) -> None:
    """Nothing before the approval; then every group; retired with SID and members; back as it was."""
    assert [seen[number] for number in (0, 1, 2)] == [({}, {})] * 3
    enabled, retired = seen[3][0], seen[8][1]
    check_written(samba, enabled)
    assert seen[4] == seen[5] == seen[3]
    edited = seen[6]
    assert seen[7] == edited
    assert set(retired) == {guid for guid, values in enabled.items() if name_of(values) in ROLES.retired}
    assert set(seen[8][0]) == set(enabled) - set(retired)
    for guid, values in retired.items():
        assert {name: values.get(name) for name in KEPT} == {name: enabled[guid].get(name) for name in KEPT}
    assert seen[10] == edited


def check_drift_and_schedule(scene: SambaScene, samba: SambaLab, lines: Sequence[Line]) -> None:
    """The edit by hand is reported, and put right by the run that lets the newcomer in and the new group wait."""
    drift, last = lines[6].record, lines[-1].record
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
