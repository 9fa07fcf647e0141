"""The plan on the page of a record: as record.json has it."""

from __future__ import annotations

import pytest

from runbook_lib.record.plan_part import short_plan_html


@pytest.mark.parametrize(("number", "asked"), [(0, "(nothing to approve)"), (3, "ENABLE 3 GROUPS IN contoso.com")])
def test_nobody_is_asked_to_approve_a_plan_of_nothing(number: int, asked: str) -> None:
    phrase = f"ENABLE {number} GROUPS IN contoso.com"
    html = short_plan_html({"counts": {"create": number}, "phrase": phrase, "groups": number}, [])
    assert asked in html
    assert (phrase in html) is bool(number)
    assert "Groups to change" in html
