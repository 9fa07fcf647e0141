"""Random tenants: what the runbook predicts of v1 is what the engine, which knows nothing of it, writes to AD."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rehearsal.connect_sync.wanted import UNIVERSAL_DISTRIBUTION, Wizard, exports, wanted_groups
from runbook_lib.connect.arrived import ArrivalState, connect_arrivals
from runbook_lib.connect.predicted import NamingMode
from runbook_lib.connect.prediction import predict_writeback
from runbook_lib.connect.settings import WizardChoice, writeback_settings
from runbook_lib.model.cloud import CloudGroup, Switch
from runbook_lib.model.directory import GROUP_ATTRIBUTES, DirectoryGroup
from runbook_lib.model.dn import rdn_value
from tests.support import builders as b
from tests.unit.connect.world import PLAIN, both_sides

CONTAINER = f"OU=Connect Groups,{b.BASE}"
PEOPLE = {
    "Ann": b.synced("Ann"),
    "Ben": b.synced("Ben"),
    "Lost": b.synced("Lost"),
    "Cloud": b.person("Cloud"),
    "Guest": b.person("Guest", user_type="Guest"),
}
ACCOUNTS = {PEOPLE[name].id: b.ad_user(name) for name in ("Ann", "Ben")}


@dataclass(frozen=True)
class Spec:
    """One group of the tenant."""

    name: str
    description: str | None
    members: frozenset[str]
    mail: bool


_EMOJI = "\U0001f600"
_texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=70) | st.builds(
    lambda before, emojis: "x" * before + _EMOJI * emojis, st.integers(30, 52), st.integers(0, 20)
)
SPECS = st.lists(
    st.builds(
        Spec,
        _texts,
        st.none() | _texts | st.just("d" * 440 + _EMOJI * 8),
        st.frozensets(st.sampled_from(sorted(PEOPLE))),
        st.booleans(),
    ),
    max_size=4,
)


def cloud_groups(specs: list[Spec]) -> list[CloudGroup]:
    groups = []
    for number, spec in enumerate(specs):
        mail = f"team{number}@contoso.com" if spec.mail else None
        made = b.cloud_group(f"team {number}", display_name=spec.name, description=spec.description, mail=mail)
        addresses = (f"SMTP:{mail}", f"smtp:old{number}@contoso.com") if mail else ()
        groups.append(replace(made, mail_nickname=f"team{number}" if mail else None, proxy_addresses=addresses))
    return groups


def record(group: CloudGroup) -> dict[str, Any]:
    """The same group as Graph has it."""
    return {
        "id": group.id,
        "displayName": group.display_name,
        "description": group.description,
        "groupTypes": ["Unified"],
        "mail": group.mail,
        "mailNickname": group.mail_nickname,
        "proxyAddresses": list(group.proxy_addresses),
    }


@settings(max_examples=60)
@given(specs=SPECS, by_name=st.booleans(), exchange=st.booleans())
def test_what_is_predicted_is_what_the_engine_writes(specs: list[Spec], by_name: bool, exchange: bool) -> None:
    groups = cloud_groups(specs)
    held: dict[str, list[str]] = {}
    for group, spec in zip(groups, specs, strict=True):
        held[group.id] = sorted(PEOPLE[one].id for one in spec.members)
    wizard = Wizard(on=True, container=CONTAINER, display_names=by_name)
    wanted = wanted_groups(wizard, {group.id: record(group) for group in groups}, held, exchange=exchange)
    accounts = {key: account.dn for key, account in ACCOUNTS.items()}
    present = {
        one.group_id: (
            DirectoryGroup(
                guid=b.ad_group(one.group_id).guid,
                dn=one.dn,
                sid=None,
                attributes={
                    **{name: (value,) for name, value in one.values.items() if value is not None},
                    "cn": (rdn_value(one.dn),),
                    "groupType": (str(UNIVERSAL_DISTRIBUTION),),
                },
                members=one.add,
            ),
        )
        for one in exports(wanted, [], (), accounts, CONTAINER)
    }
    inventory = both_sides(groups, users=list(ACCOUNTS.values()), allowed=GROUP_ATTRIBUTES if exchange else PLAIN)
    people = {person.id: person for person in PEOPLE.values()}
    cloud = replace(
        inventory.cloud,
        members={group.id: tuple(held[group.id]) for group in groups},
        principals=people,
    )
    inventory = b.inventory_of(cloud, inventory.directory)
    mode = NamingMode.DISPLAY_NAME if by_name else NamingMode.ID
    choice = WizardChoice(CONTAINER, mode)
    told = predict_writeback(inventory, writeback_settings(None, v1=Switch.OFF, v2=Switch.OFF, choice=choice))
    known = {key: one.guid for key, one in inventory.principals.items() if one.guid}
    seen = connect_arrivals(told, present, inventory.index.guid_of_dn, known, exported=True)
    assert [one.group_id for one in seen] == sorted(held)
    assert {one.state for one in seen} <= {ArrivalState.AS_PREDICTED}, [one.differences for one in seen]
    for one in seen:
        assert one.group is not None
        assert one.present is not None
        for name, value in one.group.attributes.items():
            if value.known and not value.value:
                assert name not in one.present.attributes, f"{name} is written, and was predicted not to be"
