"""The settings of Microsoft 365 groups are changed as a whole: no value is lost, whatever else stands in them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.graph.tenant.group_settings import (
    GROUP_UNIFIED,
    NEW_GROUP_DEFAULT,
    GroupSettings,
    removal_of,
    with_value,
    write_of,
)

NAMES = st.lists(st.text(min_size=1), unique=True)


@given(names=NAMES, value=st.text(), at=st.integers(0, 20))
def test_one_value_changes_and_every_other_stays_in_its_place(names: list[str], value: str, at: int) -> None:
    names = [name for name in names if name != NEW_GROUP_DEFAULT]
    values = [(name, f"value of {name}") for name in names]
    with_default = GroupSettings("1", (*values[:at], (NEW_GROUP_DEFAULT, "true"), *values[at:]))
    after = with_value(with_default, NEW_GROUP_DEFAULT, value)
    assert [name for name, _ in after] == [name for name, _ in with_default.values]
    assert {k: v for k, v in after if k != NEW_GROUP_DEFAULT} == dict(values)
    assert dict(after)[NEW_GROUP_DEFAULT] == value
    assert with_value(GroupSettings("1", tuple(values)), NEW_GROUP_DEFAULT, value) == (
        *values,
        (NEW_GROUP_DEFAULT, value),
    )


def test_an_object_that_is_not_there_is_made_from_the_template() -> None:
    values = (("A", "1"), (NEW_GROUP_DEFAULT, "false"))
    made, changed = write_of("", values), write_of("abc", values)
    listed = [{"name": "A", "value": "1"}, {"name": NEW_GROUP_DEFAULT, "value": "false"}]
    assert (made.method, made.path, made.body) == (
        "POST",
        "/groupSettings",
        {"templateId": GROUP_UNIFIED, "values": listed},
    )
    assert (changed.method, changed.path, changed.body) == ("PATCH", "/groupSettings/abc", {"values": listed})
    assert (removal_of("abc").method, removal_of("abc").path) == ("DELETE", "/groupSettings/abc")
