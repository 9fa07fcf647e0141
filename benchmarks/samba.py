"""AD writes and AD reading on a real domain controller (Samba), beside ldapadd and python-ldap.

Runs in namespaces of its own, as root: ``rows`` starts this module there, and it prints its runs as JSON.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import python_ldap
from benchmarks.results import Row, Run, in_turn
from rehearsal.samba import controller
from rehearsal.samba.ldap_tools import LdapTools
from runbook_lib.change.carry_out import carry_out
from runbook_lib.change.journal import JOURNAL_FILE, Journal
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.sign_in.connect import open_directory
from runbook_lib.directory.snapshot import read_directory
from runbook_lib.model.change import Plan
from runbook_lib.model.directory import DirectorySnapshot
from runbook_lib.model.ids import ObjectGuid
from runbook_lib.model.moment import iso_milliseconds
from runbook_lib.parameters.load import parameters_from_values
from runbook_lib.parameters.model import Parameters
from runbook_lib.routes.direct.payload import DIRECT_TYPES, DirectChange
from runbook_lib.routes.direct.plan_enable import plan_enable
from runbook_lib.routes.direct.work import DirectWork
from tests.samba.lab import SambaLab, running_lab
from tests.support.builders import WIDE, cloud_group, cloud_side, inventory_of, policy, synced

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / "build" / "samba-lab"
GROUPS, MEMBERS, OTHERS, QUICK_OTHERS = 300, 10, 3_056, 200
PEOPLE = 60
_WRITES = "AD writes on Samba, {groups} groups with {members} members, journaled; {others:,} other groups there"
_READING = "AD reading on Samba, {objects:,} objects"
_BESIDE = "ldapadd, then ldapmodify for the members (OpenLDAP {version})"


def rows(*, quick: bool, runs: int) -> list[Row]:
    """Both rows; with the reason where this machine cannot start Samba."""
    goals = ("≤ 1.5 ×", "≤ 1.2 ×")
    why = _missing()
    if why:
        some = {"groups": GROUPS, "members": MEMBERS, "others": OTHERS, "objects": 2_521}
        return [
            Row(_WRITES.format(**some), goals[0], "ldapadd, then members", why=why),
            Row(_READING.format(**some), goals[1], "python-ldap", why=why),
        ]
    command = [*controller.NAMESPACE, sys.executable, "-m", "benchmarks.samba", "quick" if quick else "full", str(runs)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    return [
        Row(
            one["work"],
            goal,
            one["beside"],
            [Run(**run) for run in one["ours"]],
            [Run(**run) for run in one["theirs"]],
            one["why"],
        )
        for one, goal in zip(json.loads(done.stdout.splitlines()[-1]), goals, strict=True)
    ]


def _missing() -> str:
    """Why Samba cannot be started here; empty where it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "needs Linux and root, for Samba in a network namespace of its own"
    absent = [program for program in (*controller.PROGRAMS, "ldapadd") if shutil.which(program) is None]
    return f"not installed: {', '.join(absent)}" if absent else ""


def main(arguments: Sequence[str]) -> int:
    """Start the lab, fill it, measure, and print the runs."""
    quick, runs = arguments[0] == "quick", int(arguments[1])
    others = QUICK_OTHERS if quick else OTHERS
    controller.prepare_namespaces()
    with running_lab(CACHE) as lab, tempfile.TemporaryDirectory() as folder:
        lab.tools.modify("\n".join((*_people(lab), *_other_groups(lab, others))))
        told = parameters_from_values(lab.parameters(), source="the Samba lab")
        with open_directory(told, environment={}, clock=_now) as directory:
            found = [_writes(lab, directory, told, Path(folder), others, runs), _reading(lab, told, runs)]
    sys.stdout.write(json.dumps([asdict(row) for row in found]) + "\n")
    return 0


def _people(lab: SambaLab) -> list[str]:
    return [
        f"dn: CN={name},{lab.staff_ou}\nchangetype: add\nobjectClass: user\nsAMAccountName: {name}\n"
        f"userAccountControl: 514\nmS-DS-ConsistencyGuid:: {_key(name)}\n"
        for name in _names()
    ]


def _names() -> list[str]:
    return [f"person{number}" for number in range(PEOPLE)]


def _key(name: str) -> str:
    return synced(name).immutable_id or ""


def _other_groups(lab: SambaLab, others: int) -> list[str]:
    return [
        f"dn: CN=other{number},{lab.groups_ou}\nchangetype: add\nobjectClass: group\nsAMAccountName: other{number}\n"
        f"member: CN=person{number % PEOPLE},{lab.staff_ou}\n"
        for number in range(others)
    ]


def _planned(directory: Directory, told: Parameters, number: int) -> tuple[Plan, DirectorySnapshot]:
    """A plan of so many new groups, as the product makes it, whose names are those of this run alone."""
    snapshot = read_directory(directory, told.target_ou, told.retired_ou, clock=_now)
    people = [synced(name) for name in _names()]
    groups = [
        cloud_group(f"team {number}-{one}", mail_nickname=f"team{number}-{one}", mail=f"team{number}-{one}@contoso.com")
        for one in range(GROUPS)
    ]
    members = {
        group.display_name: [people[(at + step) % PEOPLE] for step in range(MEMBERS)] for at, group in enumerate(groups)
    }
    inventory = inventory_of(cloud_side(groups, members, people), snapshot)
    plan = plan_enable(inventory, policy("*", limits=replace(WIDE, creates=GROUPS))).plan
    if len(plan.changes) != GROUPS:
        raise RuntimeError(f"{len(plan.changes)} changes planned, {GROUPS} wanted")
    return plan, snapshot


def _writes(lab: SambaLab, directory: Directory, told: Parameters, folder: Path, others: int, runs: int) -> Row:
    mine: list[Run] = []
    others_runs: list[Run] = []
    for number in range(runs):
        plan, snapshot = _planned(directory, told, number)
        dn_of = {item.guid: item.dn for item in snapshot.objects}
        creates = DIRECT_TYPES.changes(plan.changes)
        journal_folder = folder / str(number)
        journal_folder.mkdir()

        def ours(plan: Plan = plan, into: Path = journal_folder, dn_of: Mapping[ObjectGuid, str] = dn_of) -> int:
            before = directory.requests
            with Journal(into / JOURNAL_FILE, lambda: iso_milliseconds(_now())) as journal:
                journal.open(approved=[change.digest for change in plan.changes], resumes=None)
                carry_out(DirectWork(directory, plan.target, plan.changes, dn_of=dn_of), journal)
            return directory.requests - before

        adds, modifies = _as_ldif(creates, dn_of, lab.target_ou)

        def theirs(adds: str = adds, modifies: str = modifies, tools: LdapTools = lab.writer_tools) -> int:
            tools.modify(adds)
            tools.modify(modifies)
            return 2 * GROUPS

        # Emptied in between: both write the same objects.
        for work, runs_of_it in ((ours, mine), (theirs, others_runs)):
            runs_of_it += in_turn(1, work, lambda: None)[0]
            _empty(lab)
    version = subprocess.run(["ldapadd", "-VV"], capture_output=True, text=True, check=False).stderr.split()
    beside = _BESIDE.format(version=next((word for word in version if word[:1].isdigit()), "?"))
    return Row(_WRITES.format(groups=GROUPS, members=MEMBERS, others=others), "", beside, mine, others_runs)


def _as_ldif(creates: Sequence[DirectChange], dn_of: Mapping[ObjectGuid, str], target_ou: str) -> tuple[str, str]:
    """The same objects with the same values: one record for each object, then one for the members of each."""
    adds, modifies = [], []
    for change in creates:
        dn = f"{change.payload.rdn},{target_ou}"
        lines = [
            f"{delta.name}:: {base64.b64encode(value.encode()).decode()}"
            for delta in change.payload.attributes
            for value in delta.added
        ]
        adds.append("\n".join((f"dn: {dn}", "changetype: add", "objectClass: group", *lines, "")))
        members = [f"member: {dn_of[member.guid]}" for member in change.payload.members_added]
        modifies.append("\n".join((f"dn: {dn}", "changetype: modify", "add: member", *members, "")))
    return "\n".join(adds), "\n".join(modifies)


def _empty(lab: SambaLab) -> None:
    found = lab.tools.search(lab.target_ou, "(objectClass=group)", "cn", paged=True)
    lab.tools.modify("\n".join(f"dn: {entry.dn}\nchangetype: delete\n" for entry in found))


def _reading(lab: SambaLab, told: Parameters, runs: int) -> Row:
    objects = 0

    def ours() -> int:
        nonlocal objects
        with open_directory(told, environment={}, clock=_now) as directory:
            snapshot = read_directory(directory, told.target_ou, told.retired_ou, clock=_now)
        objects = len(snapshot.objects)
        return snapshot.reading.requests

    reader = python_ldap.reader_of(f"ldaps://127.0.0.1:{lab.port}", told, lab.writer_password)
    if reader is None:
        return Row(_READING.format(objects=2_521), "", "python-ldap", why=python_ldap.NOT_HERE)
    ours()
    mine, theirs = in_turn(runs, ours, reader.read)
    return Row(_READING.format(objects=objects), "", reader.beside, mine, theirs)


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
