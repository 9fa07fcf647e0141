"""What Connect exports: AD becomes as it is wanted, and nothing that it did not write goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from rehearsal.connect_sync.wanted import Export, Held, WantedGroup, Wizard, exports, name_of, wanted_groups
from runbook_lib.model.dn import normalize_foreign_dn, rdn

CONTAINER = "OU=Connect Groups,DC=contoso,DC=com"
PEOPLE = {f"u{number}": f"CN=Person {number},OU=Staff,DC=contoso,DC=com" for number in range(4)}
IDS = [f"{number:08x}-0000-4000-8000-0123456789ab" for number in range(5)]
STRANGER = "CN=Somebody Else,OU=Staff,DC=contoso,DC=com"

names = st.sampled_from(["Sales", "sales, EMEA", "  padded ", "x" * 80, '+#"', ""])
wanted = st.dictionaries(
    st.sampled_from(IDS),
    st.tuples(names, st.sets(st.sampled_from([*PEOPLE, "cloud-only"]))),
)
held = st.dictionaries(
    st.sampled_from(IDS),
    st.tuples(names, st.sets(st.sampled_from([*PEOPLE.values(), STRANGER]))),
)


def group(key: str, name: str, members: set[str]) -> WantedGroup:
    cn = name_of({"id": key, "displayName": name})
    return WantedGroup(
        key, cn, {"displayName": name or None, "adminDescription": f"Group_{key}"}, tuple(sorted(members))
    )


def present(key: str, name: str, members: set[str]) -> Held:
    dn = f"{rdn('CN', f'Group_{key}')},{CONTAINER}"
    return Held(f"guid of {key}", key, dn, {"displayName": name} if name else {}, tuple(sorted(members)))


def carried_out(export: Export, there: Mapping[str, Held]) -> dict[str, Held]:
    """AD as a model: what an export leaves."""
    after = dict(there)
    match export.kind:
        case "add":
            values = {name: value for name, value in export.values.items() if value is not None}
            after[export.group_id] = Held("new", export.group_id, export.dn, values, export.add)
        case "rename":
            dn = f"{rdn('CN', export.cn)},{CONTAINER}"
            after[export.group_id] = replace(after[export.group_id], dn=dn)
        case "update":
            one = after[export.group_id]
            values = {name: value for name, value in {**one.values, **export.values}.items() if value is not None}
            gone = {normalize_foreign_dn(dn) for dn in export.remove}
            members = tuple(dn for dn in one.members if normalize_foreign_dn(dn) not in gone)
            after[export.group_id] = replace(one, values=values, members=(*members, *export.add))
        case "delete":
            del after[export.group_id]
    return after


@given(wanted=wanted, held=held, known=st.sets(st.sampled_from(IDS)))
def test_after_its_exports_nothing_is_pending_and_strangers_are_left_alone(
    wanted: dict[str, tuple[str, set[str]]], held: dict[str, tuple[str, set[str]]], known: set[str]
) -> None:
    asked = [group(key, *rest) for key, rest in sorted(wanted.items())]
    there = {key: present(key, *rest) for key, rest in held.items()}
    after = dict(there)
    for export in exports(asked, list(there.values()), known, PEOPLE, CONTAINER):
        after = carried_out(export, after)
    assert list(exports(asked, list(after.values()), known | set(wanted), PEOPLE, CONTAINER)) == []
    assert after.keys() == wanted.keys() | (held.keys() - known), "only what it wrote is deleted"
    assert all(after[key] == there[key] for key in held.keys() - wanted.keys() - known)
    for key, (_, members) in wanted.items():
        assert set(after[key].members) == {PEOPLE[one] for one in members if one in PEOPLE}, "manual edits go"
        assert key not in there or after[key].guid == there[key].guid, "one that is there keeps its SID"


def test_all_microsoft_365_groups_or_none() -> None:
    tenant = {
        "1": {"id": "1", "groupTypes": ["Unified"], "displayName": "Sales", "mail": "sales@contoso.com"},
        "2": {"id": "2", "groupTypes": [], "displayName": "Security"},
    }
    wizard = Wizard(on=True, container=CONTAINER)
    (found,) = wanted_groups(wizard, tenant, {}, exchange=True)
    assert (found.group_id, found.cn, found.values["mail"]) == ("1", "Group_1", "sales@contoso.com")
    (bare,) = wanted_groups(wizard, tenant, {}, exchange=False)
    assert "mail" not in bare.values
    assert wanted_groups(replace(wizard, on=False), tenant, {}, exchange=True) == []
    large = {"1": [f"u{number}" for number in range(50_001)]}
    assert wanted_groups(wizard, tenant, large, exchange=True) == []
