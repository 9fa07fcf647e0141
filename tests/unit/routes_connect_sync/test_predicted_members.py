"""Members of a group to come, counted against those that its AD object has now."""

from __future__ import annotations

from dataclasses import replace

from runbook_lib.connect.prediction import predict_writeback
from runbook_lib.model.predicted import Known, MemberAnswer
from runbook_lib.routes.predicted_members import accounts_of, in_ad, members_of
from tests.unit.routes_connect_sync.test_plan_enable import GROUPS, anchored, sides_of


def test_what_is_not_known_on_one_side_is_not_taken_for_what_is_not_known_on_the_other() -> None:
    """An account of another domain has no GUID here, and a member of an AD group may be an object nobody read."""
    standing = replace(anchored(GROUPS[0]), members=("CN=Not Read,DC=elsewhere,DC=com",))
    sides = sides_of(ad=[standing])
    assert in_ad(sides.inventory, standing.guid) == frozenset()
    predicted = next(group for group in predict_writeback(sides.inventory, sides.settings).groups if group.members)
    away = replace(predicted.members[0], id="of-another-domain", answer=MemberAnswer(Known.YES))
    there = in_ad(sides.inventory, standing.guid)
    found = members_of(replace(predicted, members=(away,)), there, accounts_of(sides.inventory))
    assert (found.already, found.added) == (0, 1)
