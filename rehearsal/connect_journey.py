"""The journey of ``gwb demo --route connect-sync``: people act on the Connect server, the runbook plans, waits, proves.

The rehearsal's wizard and cycle take the place of these people. They know nothing of what the runbook predicted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from rehearsal.chosen import FOLDER_NAME
from rehearsal.contoso import names
from rehearsal.journey import APPROVER, Steps, approve, unexpected
from rehearsal.process import RunningRehearsal
from rehearsal.scene import Objects, print_command
from runbook_lib.model.ids import ANCHOR_ATTRIBUTE, GroupId, anchor_of
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import counted, t
from runbook_lib.parameters.paths import project_root
from runbook_lib.routes.registry import ROUTES
from runbook_lib.runner import console

CONNECT_SYNC_STEPS = 12
"""Runs of the whole journey."""
Written = Mapping[str, Mapping[str, Sequence[str]]]
"""Attributes of v1's groups by their anchor."""


class ConnectJourney(Steps):
    """The way of the route connect-sync, in order."""

    def __init__(
        self, running: RunningRehearsal, parameters_file: Path, records: Path, change_id: str, *, quiet: bool
    ) -> None:
        """Prepare.

        Args:
            running: The rehearsal; the tenant writes no group back yet.
            parameters_file: For the route connect-sync.
            records: Folder of the records.
            change_id: Beginning of the change ids.
            quiet: No progress.
        """
        super().__init__(parameters_file, records, change_id, CONNECT_SYNC_STEPS, quiet)
        self.running = running
        self._files = 0
        self._predicted: frozenset[str] = frozenset()
        """Anchors of the groups that are to come."""
        self._left = Path()
        """Record of the run that handed something over last."""

    def go(self) -> None:
        """Walk the whole way.

        Raises:
            RunbookError: A run ended otherwise than this journey expects.
            KeyboardInterrupt: A run was interrupted.
        """
        self.heading(
            "The Connect server has no API: an administrator runs a script there that reads and changes nothing, and "
            "brings its file. Is everything in place? All but one thing (exit code 5): v1 itself, which comes next."
        )
        evidence = self._collected()
        self.run("10-detect-exchange", "CHECK", Outcome.REFUSED, evidence)
        self.heading("Which groups are there, and which route can write them?")
        self.run("20-inventory-groups", "CHECK", Outcome.DONE)
        self.enable(evidence)
        written = self.written()
        self.disable(written)
        self.come_back(written)
        self.verify()

    def enable(self, evidence: Mapping[str, str]) -> None:
        """v1 is switched on, and its groups arrive as predicted."""
        self.heading(
            "Let Connect Sync write all Microsoft 365 groups: all or none. The plan says what AD will look like; once "
            "it is approved, the steps of the wizard are handed to a person (exit code 10). Nothing is written."
        )
        before = self.groups()
        self._handed_over("30-enable-writeback", "ENABLE", evidence)
        told = json.loads((self._left / "prediction.json").read_text(encoding="utf-8"))
        self._predicted = frozenset(anchor_of(GroupId(group["group_id"])) for group in told["groups"])
        if self.groups() != before:
            raise unexpected("AD was changed before the wizard was gone through")
        self.heading(
            "That person goes through the wizard, and a cycle runs. Then the next run looks at AD and compares."
        )
        self._act("connect", "enable", "--ou", names.CONNECT_OU, "--display-names")
        self._act("connect", "cycle")
        self.run("30-enable-writeback", "ENABLE", Outcome.AWAITING_HANDOFF, self._collected())
        self.heading(
            "Every group is as predicted; Exchange's address book knows none of them until Update-Recipient ran."
        )
        self._act("update-recipients", "--ou", names.CONNECT_OU)
        self.run("30-enable-writeback", "ENABLE", Outcome.DONE, self._collected())

    def disable(self, written: Written) -> None:
        """v1 is switched off, and every one of its groups goes."""
        self.heading(
            "Switch it off again. The next cycle deletes every group that v1 wrote, so the plan names each of them, "
            "and the record keeps a copy."
        )
        self._handed_over("40-disable-writeback", "DISABLE", self._collected())
        self._act("connect", "disable")
        self._act("connect", "cycle")
        self.run("40-disable-writeback", "DISABLE", Outcome.DONE, self._collected())
        left = sorted(self.written().keys() & written.keys())
        if left:
            raise unexpected(f"{len(left)} groups are in AD still")

    def come_back(self, written: Written) -> None:
        """The deleted objects come back, and v1 joins them."""
        self.heading(
            "Take that back. The deleted objects come first, before v1 is on: then it joins them, and they keep their "
            "SID. Only an account that may bring back what stood in v1's OU can do it, here the domain's administrator."
        )
        undo = {
            "undo_record": str(self._left),
            "bind_user": names.ADMINISTRATOR,
            "bind_password_file": str(self.running.folder.administrator_password),
        }
        self._handed_over("60-undo-change", "UNDO", {**undo, **self._collected()})
        self._same("come back", written)
        self._act("connect", "enable", "--ou", names.CONNECT_OU, "--display-names")
        self._act("connect", "cycle")
        self._act("update-recipients", "--ou", names.CONNECT_OU)
        self.run("60-undo-change", "UNDO", Outcome.DONE, {**undo, **self._collected()})
        self._same("are joined", written)
        members = {anchor: sorted(values.get("member", ())) for anchor, values in self.written().items()}
        if any(sorted(values.get("member", ())) != members[anchor] for anchor, values in written.items()):
            raise unexpected("the groups have other members than before")
        console.print_line(
            t(
                "{groups} are in AD with the objectGUID, objectSid and members they had.",
                groups=counted(len(written), "group"),
            )
        )

    def directory(self) -> Objects:
        """What the embedded directory holds."""
        return self.running.control.directory()

    def groups(self) -> Mapping[str, Mapping[str, Sequence[str]]]:
        """Every group in v1's OU by DN."""
        return {dn: values for dn, values in self.directory().items() if dn.endswith(f",{names.CONNECT_OU}")}

    def written(self) -> Written:
        """Groups in v1's OU by their anchor; two more stand there from the beginning, and no cloud group is theirs."""
        return {
            values[ANCHOR_ATTRIBUTE][0]: {**values, "distinguishedName": [dn]}
            for dn, values in self.groups().items()
            if values.get(ANCHOR_ATTRIBUTE, [""])[0] in self._predicted
        }

    def _same(self, what: str, before: Written) -> None:
        """Every group is there with the identity that it had."""
        now = self.written()
        kept = ("objectGUID", "objectSid")
        if any(now.get(anchor, {}).get(name) != values[name] for anchor, values in before.items() for name in kept):
            raise unexpected(f"the groups {what}, and they are not the same objects")

    def _handed_over(self, notebook: str, change: str, given: Mapping[str, str]) -> None:
        """Plan, approve, hand over to a person."""
        from runbook_lib.change.approvals.plan import planned

        record = self.run(notebook, change, Outcome.AWAITING_APPROVAL, given)
        approve(str(record), "--as", APPROVER, "--phrase", planned(record, ROUTES).phrase)
        self._left = self.run(notebook, change, Outcome.AWAITING_HANDOFF, given)
        for path in sorted(self._left.glob("hand-off-*.txt")):
            console.print_line(t("Handed over: {path}", path=console.shown_path(path)))

    def _act(self, *words: str) -> None:
        """Print a command of the rehearsal, and do what it says."""
        from rehearsal.commands import rehearsal

        folder = self.running.folder
        where = ["--name", folder.name]
        if folder.path.parent != project_root() / FOLDER_NAME:
            where += ["--directory-folder", str(folder.path.parent)]
        print_command("rehearsal", *words, *where)
        rehearsal.main([*words, *where], prog_name="gwb rehearsal", standalone_mode=False)

    def _collected(self) -> Mapping[str, str]:
        """What the collector finds now, in a file of its own."""
        self._files += 1
        path = self.running.folder.path / f"evidence-{self._files}.json"
        self._act("connect", "collect", str(path))
        return {"connect_evidence": str(path)}
