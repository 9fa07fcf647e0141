"""The journey of ``gwb demo --route cloud-sync``: the runbook decides, Cloud Sync writes, the runbook watches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rehearsal.contoso.names import CLOUD_SYNC_DEMO_GROUPS
from rehearsal.journey import UNSTEADY, Steps, unexpected, yaml_list
from rehearsal.process import RunningRehearsal
from rehearsal.scene import Objects, print_command
from runbook_lib.model.ids import EXTERNAL_ID_ATTRIBUTE
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import t
from runbook_lib.runner import console

CLOUD_SYNC_STEPS = 9
"""Runs of the whole journey."""
_OF_OTHERS = UNSTEADY | {"memberOf"}
"""``memberOf`` is what other groups say of one: it is compared where they hold it, as ``member``."""


class CloudSyncJourney(Steps):
    """The way of the route cloud-sync, in order, in a rehearsal whose Cloud Sync runs by itself."""

    def __init__(
        self,
        running: RunningRehearsal,
        parameters_file: Path,
        records: Path,
        change_id: str,
        *,
        quiet: bool,
        groups: Sequence[str] = CLOUD_SYNC_DEMO_GROUPS,
    ) -> None:
        """Prepare.

        Args:
            running: The rehearsal.
            parameters_file: Selects ``groups``, and tries one of them first.
            records: Folder of the records.
            change_id: Beginning of the change ids.
            quiet: No progress.
            groups: Display names; the last one leaves the scope and comes back.
        """
        super().__init__(parameters_file, records, change_id, CLOUD_SYNC_STEPS, quiet)
        self.running = running
        self.groups = groups

    def go(self) -> None:
        """Walk the whole way.

        Raises:
            RunbookError: A run ended otherwise than this journey expects.
            KeyboardInterrupt: A run was interrupted.
        """
        self.heading("Is everything in place: configuration, agents, licence, permissions?")
        self.run("10-detect-exchange", "CHECK", Outcome.DONE)
        self.heading("Which groups are there, and which route can write them?")
        self.run("20-inventory-groups", "CHECK", Outcome.DONE)
        self.heading(
            f"Let Cloud Sync write {' and '.join(self.groups)}: the plan says what AD will look like; one group is "
            "tried on demand; then AD is watched until all are as predicted."
        )
        print_command("rehearsal", "cloud-sync", "members", "on", "--name", self.running.folder.name)
        self.running.control.cloud_sync("members", on=True)
        console.print_line(t("In the wizard of Cloud Sync, membership of on-premises users is provisioned now."))
        if self.objects():
            raise unexpected("the groups are in AD before the first run")
        self.planned_and_applied("30-enable-writeback", "ENABLE", {})
        written = self.objects()
        self._written(written)
        self.run("30-enable-writeback", "ENABLE", Outcome.NOTHING_TO_DO)
        leaving = self.groups[-1]
        self.heading(
            f"Take {leaving} out of scope. Microsoft's page does not say what becomes of its AD object; here it stays, "
            "and groups of which it is a member lose it."
        )
        out = self.planned_and_applied("40-disable-writeback", "DISABLE", {"disable_names": yaml_list([leaving])})
        self._next_cycle()
        self._unchanged({guid: values for guid, values in written.items() if values["displayName"] == [leaving]})
        self.heading("Take that back from its own record.")
        self.planned_and_applied("60-undo-change", "UNDO", {"undo_record": str(out)})
        self._next_cycle()
        self._unchanged(written)
        self.verify()

    def directory(self) -> Objects:
        """What the embedded directory holds."""
        return self.running.control.directory()

    def objects(self) -> Mapping[str, Mapping[str, Sequence[str]]]:
        """The AD objects of the groups by objectGUID, without unsteady attributes."""
        found = {}
        for dn, attributes in self.directory().items():
            if EXTERNAL_ID_ATTRIBUTE in attributes and attributes.get("displayName", [""])[0] in self.groups:
                kept = {name: sorted(values) for name, values in attributes.items() if name not in _OF_OTHERS}
                found[attributes["objectGUID"][0]] = {**kept, "distinguishedName": [dn]}
        return found

    def _written(self, objects: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
        names = sorted(values["displayName"][0] for values in objects.values())
        if names != sorted(self.groups):
            raise unexpected(f"AD has {', '.join(names) or 'none'} of the groups")
        for values in objects.values():
            console.print_line(
                t(
                    "In AD: {dn}, members: {members}.",
                    dn=values["distinguishedName"][0],
                    members=len(values.get("member", ())),
                )
            )

    def _next_cycle(self) -> None:
        print_command("rehearsal", "cloud-sync", "run", "--name", self.running.folder.name)
        self.running.control.cloud_sync("run")

    def _unchanged(self, before: Mapping[str, object]) -> None:
        now = self.objects()
        if any(now.get(guid) != values for guid, values in before.items()):
            raise unexpected("the AD objects of the groups are not as they were")
        told = "1 object is as it was" if len(before) == 1 else f"{len(before)} objects are as they were"
        console.print_line(t("{told} before: objectGUID, objectSid and every other attribute.", told=told))
