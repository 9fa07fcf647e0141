"""What is read to judge the writing account's rights, over LDAP from the embedded directory."""

from __future__ import annotations

import pytest

from runbook_lib.directory.rights.account import read_account, read_holder, read_situation
from runbook_lib.directory.rights.constants import WellKnownSid
from runbook_lib.directory.rights.evaluate import Place
from runbook_lib.directory.rights.table import rights_table
from runbook_lib.errors import NoAccess
from runbook_lib.model.cloud import Switch
from tests.unit.directory.embedded import ADMINISTRATOR, BASE, RETIRED, TARGET, WRITER, Embedded


def _states(embedded: Embedded, **changed: str) -> dict[str, Switch]:
    with embedded.open(**changed) as directory:
        rows = rights_table(read_situation(directory, TARGET, RETIRED))
    return {row.operation.id: row.granted for row in rows}


def test_the_account_that_is_signed_in(embedded: Embedded) -> None:
    with embedded.open() as directory:
        account = read_account(directory)
    assert (account.name, account.sid) == ("CONTOSO\\svc-gwb", embedded.store.sid(WRITER))
    assert {account.sid, WellKnownSid.EVERYONE, WellKnownSid.AUTHENTICATED_USERS} <= account.token
    assert account.creates_as == account.sid
    with embedded.open(bind_user="administrator@contoso.com") as directory:
        assert read_account(directory).creates_as == f"{embedded.store.domain_sid}-512"


def test_an_account_that_cannot_be_told_is_no_account(embedded: Embedded) -> None:
    embedded.store.descriptors.add_entries(f"OU=Staff,{BASE}", f"(D;CI;LCLORPRC;;;{embedded.store.sid(WRITER)})")
    with embedded.open() as directory, pytest.raises(NoAccess) as unknown:
        read_account(directory)
    assert unknown.value.code == "account-unknown"


def test_the_situation_is_read_whole(embedded: Embedded) -> None:
    """Names and GUIDs of the forest's own schema, our groups with their lists, others not."""
    guid = embedded.add_group("Ours", extensionName="gwb:t:g", member=[WRITER])
    embedded.add_group("Other")
    with embedded.open() as directory:
        found = read_situation(directory, TARGET, RETIRED)
    assert {place: holder.dn for place, holder in found.places.items()} == {
        Place.TARGET: TARGET,
        Place.RETIRED: RETIRED,
        Place.DOMAIN: BASE,
        Place.DELETED_OBJECTS: f"CN=Deleted Objects,{BASE}",
    }
    (group,) = found.groups
    assert (group.dn, guid != "") == (f"CN=Ours,{TARGET}", True)
    assert group.descriptor == embedded.store.descriptors.of(embedded.store.node(group.dn))
    assert found.types["member"] == ("bf9679c0-0de6-11d0-a285-00aa003049e2", "bc0ac240-79a9-11d0-9020-00c04fc2d4cf")
    assert found.group_default is not None
    assert "msExchVersion" not in found.types


def test_the_rehearsals_writing_account(embedded: Embedded) -> None:
    """Everything but deleted objects, which it is refused; an administrator everything."""
    states = _states(embedded)
    unseen = {"list-deleted": Switch.OFF, "undelete:target": Switch.OFF, "undelete:retired": Switch.OFF}
    assert {name: state for name, state in states.items() if state is not Switch.ON} == unseen
    assert set(_states(embedded, bind_user="administrator@contoso.com").values()) == {Switch.ON}


def test_a_list_that_may_not_be_read(embedded: Embedded) -> None:
    embedded.store.descriptors.add_entries(TARGET, f"(D;;RC;;;{embedded.store.sid(WRITER)})")
    with embedded.open() as directory:
        holder = read_holder(directory, TARGET)
        missing = read_holder(directory, f"OU=None,{BASE}")
    assert (holder.dn, holder.descriptor) == (TARGET, None)
    assert "may not read the access list" in holder.why
    assert "does not exist" in missing.why
    states = _states(embedded)
    assert {states[name] for name in ("create", "write:target:member", "restore")} == {Switch.UNKNOWN}
    assert states["write:retired:member"] is Switch.ON


def test_administrators_are_the_creators_of_what_they_create(embedded: Embedded) -> None:
    """The owner that is predicted is the one that the directory sets."""
    store = embedded.store
    store.add(f"CN=New,{TARGET}", {"objectClass": ["group"]}, as_system=False, account=ADMINISTRATOR)
    with embedded.open(bind_user="administrator@contoso.com") as directory:
        assert store.descriptors.of(store.node(f"CN=New,{TARGET}")).owner == read_account(directory).creates_as
