"""Tables of an inventory: short ones stand open, long ones below a line that says what they are."""

from __future__ import annotations

import pytest

from runbook_lib.inventory.build import Inventory
from runbook_lib.shown.inventory import groups_view, members_view
from tests.support import builders as b


def _inventory(number: int) -> Inventory:
    groups = [b.cloud_group(f"Group {n}") for n in range(number)]
    return b.inventory_of(
        b.cloud_side(groups, {f"Group {n}": [b.person(f"kim{n}")] for n in range(number)}), b.directory_side()
    )


@pytest.mark.parametrize(("number", "folded"), [(25, False), (26, True)])
def test_only_long_tables_are_folded(number: int, folded: bool) -> None:
    inventory = _inventory(number)
    for view in (groups_view(inventory), members_view(inventory)):
        assert ("<details" in view.html) is folded
        assert "Group 3" in view.html
        if folded:
            assert f">{view.text}</summary>" in view.html
