"""The last step of ``gwb demo``: a scheduled run under a standing approval."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from rehearsal.contoso.names import DEMO_GROUPS
from runbook_lib.errors import ServiceFailed
from runbook_lib.model.outcome import Outcome
from runbook_lib.runner import console

if TYPE_CHECKING:
    from rehearsal.demo import Journey

NOTEBOOK = "30-enable-writeback"
GROUP = "Sales Team"
NEW_MEMBER = "Jamal Costa"
NEW_GROUP = "IT Operations"
_DAYS = 30


def scheduled_run(journey: Journey, applied: Path, approver: str) -> None:
    """Approve in advance, let somebody join a group in the cloud, and run as a schedule would.

    Args:
        journey: The demo.
        applied: Record of the run that wrote the groups.
        approver: Who approves.

    Raises:
        RunbookError: The run ended otherwise than expected, or AD does not show what it should.
    """
    journey.say(
        "On a schedule: attributes and members of these groups are approved in advance. The next run lets a new "
        "member in and puts the edit by hand right; a new group still waits for a person."
    )
    _approve_in_advance(journey, applied, approver)
    journey.running.control.edit_cloud("add-member", group=GROUP, member=NEW_MEMBER)
    console.say(f"In the cloud, {NEW_MEMBER} joins {GROUP}. In the parameters, {NEW_GROUP} is selected too.")
    selected = "[" + ", ".join(f'"{name}"' for name in (*DEMO_GROUPS, NEW_GROUP)) + "]"
    journey.run(NOTEBOOK, "ENABLE", Outcome.AWAITING_APPROVAL, {"select_names": selected})
    objects = journey.running.control.directory()
    written = {
        attributes["displayName"][0]: attributes.get("member", [])
        for attributes in objects.values()
        if "extensionName" in attributes and "displayName" in attributes
    }
    if not any(objects[dn].get("displayName") == [NEW_MEMBER] for dn in written[GROUP]) or NEW_GROUP in written:
        raise ServiceFailed(
            f"The demo stopped: in AD, {NEW_MEMBER} is no member of {GROUP}, or {NEW_GROUP} was written.",
            code="demo-unexpected",
            hint="Look at the record named above.",
        )
    console.say(f"In AD, {NEW_MEMBER} is a member of {GROUP}; {NEW_GROUP} awaits approval (exit code 4).")


def _approve_in_advance(journey: Journey, applied: Path, approver: str) -> None:
    from runbook_lib.record.manifest import manifest_digest
    from runbook_lib.writeback.approval import planned
    from runbook_lib.writeback.standing import stand, standing_groups, standing_phrase

    plan = planned(applied)
    until = datetime.now(UTC).date() + timedelta(days=_DAYS)
    phrase = standing_phrase(len(standing_groups(plan, ())), plan.target.domain_dns_name, until)
    options = ("--standing", "--as", approver, "--until", until.isoformat(), "--phrase", phrase)
    journey.print_command("approve", str(applied), *options)
    path = stand(
        applied,
        approver=approver,
        phrase=phrase,
        until=until,
        clock=lambda: datetime.now(UTC),
        manifest_digest=manifest_digest(applied),
    )
    console.say(f"Approved in advance by {approver}: {console.shown_path(path)}")
