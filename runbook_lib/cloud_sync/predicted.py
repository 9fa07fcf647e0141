"""A group as Cloud Sync will write it, and where AD is otherwise: what a plan shows and what is verified later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.ids import GroupId
from runbook_lib.model.predicted import (
    NOTHING_ARRIVED,
    Difference,
    Known,
    Predicted,
    PredictedMember,
    ScopeAnswer,
    Trouble,
    dn_of,
    member_differences,
    object_differences,
    place_differences,
)
from runbook_lib.model.text import t
from runbook_lib.model.untrusted import printable


@dataclass(frozen=True, slots=True)
class PredictedGroup:
    """One group that Cloud Sync writes, or may write.

    Attributes:
        group_id: The cloud group.
        display_name: For people.
        scope: YES or UNKNOWN; groups that are not in scope are not predicted.
        guid: The AD object that it is matched with; empty for a new one.
        present_dn: Where that object is now; empty for a new one.
        cn: Value of cn.
        container: DN of the OU or container.
        account_name: sAMAccountName; not known where the mapping leaves it to AD.
        members: Direct members, sorted by id.
        troubles: What is wrong with it, in the order in which it is found. Codes: those of ``name_troubles``,
            ``not-universal``, ``too-large``, ``arrives-empty``, ``members-unread``, ``no-object``, ``two-objects``.
        kept: GUIDs of members that its AD object has now and that may stay: of a group that changes hands.
        present_account_name: sAMAccountName of its AD object now; empty for a new one.
    """

    group_id: GroupId
    display_name: str
    scope: ScopeAnswer
    guid: str
    present_dn: str
    cn: Predicted
    container: Predicted
    account_name: Predicted
    members: tuple[PredictedMember, ...]
    troubles: tuple[Trouble, ...] = ()
    kept: frozenset[str] = frozenset()
    present_account_name: str = ""

    @property
    def dn(self) -> Predicted:
        """Distinguished name as it will be."""
        return dn_of(self.cn, self.container)

    def count(self, known: Known) -> int:
        """How many members are (YES), are not (NO) or may be (UNKNOWN) written."""
        return sum(member.answer.known is known for member in self.members)


@dataclass(frozen=True, slots=True)
class Prediction:
    """AD as one configuration will make it.

    Attributes:
        job_id: The job.
        groups: Groups in scope, or of which that is not known, sorted by id.
        outside: Every other group of the tenant, by id, with the reason.
    """

    job_id: str
    groups: tuple[PredictedGroup, ...]
    outside: Mapping[str, ScopeAnswer]


def differences(
    predicted: PredictedGroup, present: DirectoryGroup | None, member_guids: frozenset[str], expected: Mapping[str, str]
) -> tuple[Difference, ...]:
    """Compare one group in AD with its prediction.

    Args:
        predicted: The group as it should be.
        present: The AD object with its anchor; None: there is none.
        member_guids: GUIDs of its members in AD.
        expected: Member id to AD GUID, for every member that has an object.
    """
    if present is None:
        return (NOTHING_ARRIVED,)
    found = [
        *object_differences(predicted.guid, present.guid, present.sid),
        *place_differences(predicted.cn, predicted.container, present.dn),
    ]
    if predicted.account_name.known and present.text("sAMAccountName") != predicted.account_name.value:
        name = printable(present.text("sAMAccountName") or "", limit=80)
        found.append(Difference("account-name", t("Its sAMAccountName is {name}.", name=name)))
    stays = {expected[one.id] for one in predicted.members if one.answer.code in _MAY_STAY and one.id in expected}
    return (*found, *member_differences(predicted.members, member_guids, expected, predicted.kept | stays))


_MAY_STAY = frozenset({"group-not-in-scope", "rolled-back-group"})
"""Reasons not to write a nested group that is a member in the cloud. Whether Cloud Sync takes out one that it wrote
before the group left the scope, no page says: in AD it is neither missing nor too much."""
