"""A second look at the approval and at the age of the reading, right before anything is sent to AD.

A gate that was opened in the morning says nothing about the evening: the approval may have ended or been taken back,
and what was read may not be so any more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from runbook_lib.change.approvals.file import iso
from runbook_lib.change.approvals.plan import Approval
from runbook_lib.change.approvals.standing import StandingApproval
from runbook_lib.change.strict_file import LARGEST_APPROVAL, Unfit, read_plain
from runbook_lib.errors import AwaitingApproval, Refused
from runbook_lib.model.text import t
from runbook_lib.model.untrusted import printable


class ApprovalLapsed(AwaitingApproval):
    """An approval that a run writes under has ended or was taken back."""


class ReadingTooOld(Refused):
    """What a run writes was planned from a reading that is too old."""


@dataclass(frozen=True, slots=True)
class StillApproved:
    """Called before every write.

    Attributes:
        approvals: What the run writes under.
        read_at: When the older of both readings began, UTC.
        oldest: How old that may become.
    """

    approvals: Sequence[Approval | StandingApproval]
    read_at: datetime
    oldest: timedelta
    clock: Callable[[], datetime]

    def __call__(self) -> None:
        """Look again.

        Raises:
            ApprovalLapsed: ``approval-expired`` or ``approval-withdrawn``.
            ReadingTooOld: ``reading-too-old``.
        """
        now = self.clock()
        for approval in self.approvals:
            by = f"The approval by {printable(approval.approver, limit=80)}"
            if now > approval.until:
                raise ApprovalLapsed(
                    t("{by} ended at {until}, before everything was written.", by=by, until=iso(approval.until)),
                    code="approval-expired",
                    hint=t("Approve the plan again with gwb approve RECORD."),
                )
            if problem := _withdrawn(approval):
                raise ApprovalLapsed(
                    t(
                        "{by} does not hold any more: {path} {problem}.",
                        by=by,
                        path=approval.file.path,
                        problem=problem,
                    ),
                    code="approval-withdrawn",
                    hint=t("Find out who took it back and why; then approve the plan again with gwb approve RECORD."),
                    values={"path": str(approval.file.path)},
                )
        if now - self.read_at > self.oldest:
            minutes = int(self.oldest.total_seconds() // 60)
            raise ReadingTooOld(
                t(
                    "Both sides were read at {read_at}; reading_max_age allows {minutes} minutes until a write.",
                    read_at=iso(self.read_at),
                    minutes=minutes,
                ),
                code="reading-too-old",
                hint=t("Run the notebook again: it reads both sides anew."),
                values={"read_at": iso(self.read_at), "minutes": minutes},
            )


def _withdrawn(approval: Approval | StandingApproval) -> str:
    try:
        plain = read_plain(approval.file.path, largest=LARGEST_APPROVAL)
    except FileNotFoundError:
        return "was removed"
    except Unfit as unfit:
        return f"cannot be believed: {unfit}"
    return "" if plain.sha256 == approval.file.sha256 else "was changed"
