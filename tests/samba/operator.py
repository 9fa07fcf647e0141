"""An operator of the lab who types the commands, and what the lab holds afterwards as OpenLDAP's tools see it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.change.approvals.plan import planned
from runbook_lib.model.ids import GroupId, anchor_of, mark_of
from runbook_lib.model.outcome import Outcome
from runbook_lib.routes.registry import ROUTES
from tests.samba.cloud import GROUPS, GUEST, TENANT_ID, SambaCloud, identifier
from tests.samba.lab import SambaLab

ROOT = Path(__file__).resolve().parents[2]
GWB = Path(sys.executable).parent / "gwb"
BOOKKEEPING = frozenset({"whenChanged", "uSNChanged", "dSCorePropagationData", "rIDNextRID"})
"""What a DC itself changes with every write, with a write to the parent, and when it hands out a SID."""
BACK_LINKS = frozenset({"memberOf"})
"""Computed from other objects' links."""
LOGON = frozenset({"lastLogon", "lastLogonTimestamp", "logonCount", "badPasswordTime", "badPwdCount"})
"""What signing in leaves on the account that does it."""

Content = Mapping[str, Mapping[str, tuple[bytes, ...]]]


def named_for(notebook: str) -> dict[str, object]:
    """The parameter that names the groups to this notebook."""
    purpose = "disable" if notebook.startswith("40") else "select"
    return {f"{purpose}_names": list(GROUPS)}


@dataclass
class Operator:
    """Runs the commands as a person would."""

    write_parameters: Callable[..., Path]
    cloud: SambaCloud
    records: Path

    def run(self, notebook: str, change_id: str, **parameters: object) -> int:
        """Exit code of a headless run."""
        told = {**self.cloud.parameters(), **named_for(notebook), "change_id": change_id, **parameters}
        path = self.write_parameters(**told)
        return self.gwb("run", f"notebooks/{notebook}.ipynb", "-f", str(path), "--records", str(self.records))

    def gwb(self, command: str, *arguments: str) -> int:
        more = ["--detailed-exitcode"] if command == "run" else []
        done = subprocess.run(
            [GWB, command, *arguments, *more], cwd=ROOT, capture_output=True, text=True, check=False, timeout=180
        )
        sys.stdout.write(f"$ gwb {command} → {done.returncode}\n{done.stdout}{done.stderr}")
        return done.returncode

    def record(self, change_id: str) -> Path:
        """The latest run of a change."""
        runs = [path for path in (self.records / change_id).iterdir() if (path / "record.json").is_file()]
        return max(runs, key=lambda path: (path / "record.json").stat().st_mtime_ns)

    def approve(self, change_id: str) -> None:
        record = self.record(change_id)
        assert self.gwb("approve", str(record), "--as", "Lane samba", "--phrase", planned(record, ROUTES).phrase) == 0

    def through_the_gate(self, notebook: str, change_id: str, **parameters: object) -> Path:
        """Plan, approve, apply. Returns the record that applied."""
        assert self.run(notebook, change_id, **parameters) == Outcome.AWAITING_APPROVAL.exit_code
        self.approve(change_id)
        assert self.run(notebook, change_id, **parameters) == Outcome.DONE.exit_code
        return self.record(change_id)


def content(samba: SambaLab, base: str, *, but: frozenset[str]) -> Content:
    """Everything below ``base`` as ldapsearch reads it: GUID to attributes, multi-valued ones sorted."""
    return {
        entry.attributes["objectGUID"][0].hex(): {
            "dn": (entry.dn.encode(),),
            **{name: tuple(sorted(values)) for name, values in entry.attributes.items() if name not in but},
        }
        for entry in samba.tools.search(base, "(objectClass=*)", "*", "objectGUID")
    }


def groups_in(samba: SambaLab, unit: str) -> Content:
    found = content(samba, unit, but=BOOKKEEPING)
    return {guid: values for guid, values in found.items() if b"group" in values["objectClass"]}


def outside(samba: SambaLab) -> Content:
    """The whole domain but what lies below the two OUs."""
    found = content(samba, samba.base_dn, but=BOOKKEEPING | BACK_LINKS | LOGON)
    ours = tuple(f",{unit}".encode() for unit in (samba.target_ou, samba.retired_ou))
    return {guid: values for guid, values in found.items() if not values["dn"][0].endswith(ours)}


def check_written(samba: SambaLab, enabled: Content) -> None:
    """Each group of the cloud is there once, with anchor, mark and the members that AD has."""
    people = {
        entry.text("sAMAccountName"): entry.dn.encode()
        for entry in samba.tools.search(samba.staff_ou, "(objectClass=user)", "sAMAccountName")
    }
    by_name = {values["displayName"][0].decode(): values for values in enabled.values()}
    assert set(by_name) == set(GROUPS)
    for name, members in GROUPS.items():
        written, group_id = by_name[name], identifier(name)
        assert written["adminDescription"] == (anchor_of(GroupId(group_id)).encode(),)
        assert written["extensionName"] == (mark_of(TENANT_ID, GroupId(group_id)).encode(),)
        assert written["groupType"] == (b"8",)
        wanted = sorted(people[member] for member in members if member != GUEST)
        assert sorted(written.get("member", ())) == wanted
        assert "mail" not in written
        assert "msDS-ExternalDirectoryObjectId" not in written
