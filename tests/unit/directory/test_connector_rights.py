"""Rights of Connect's account on its OU: from its own groups and the OU's list, with the entry that would help."""

from __future__ import annotations

import pytest

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.rights.connector import ConnectorRights, read_connector_rights
from runbook_lib.directory.rights.constants import AccessMask
from runbook_lib.directory.rights.descriptor import Ace, AceFlag, AceType
from runbook_lib.directory.rights.needs import GROUP_CLASS
from runbook_lib.errors import NoAccess
from runbook_lib.model.cloud import Switch
from tests.unit.directory.embedded import BASE, TARGET, Embedded
from tests.unit.directory.rights_world import add_grant, explicit

MSOL = f"CN=MSOL_0123456789ab,OU=Staff,{BASE}"
NAMED = r"contoso.com\MSOL_0123456789ab"
EVERYTHING = AccessMask.CREATE_CHILD | AccessMask.DELETE_CHILD | AccessMask.READ_PROPERTY | AccessMask.WRITE_PROPERTY
_BELOW = AceFlag.CONTAINER_INHERIT | AceFlag.INHERIT_ONLY


@pytest.fixture
def forest(embedded: Embedded) -> Embedded:
    """The directory with a connector account that has no right yet."""
    embedded.store.add(MSOL, {"objectClass": ["user"], "sAMAccountName": MSOL.split(",")[0][3:]})
    return embedded


def read(directory: Directory, account: str = NAMED) -> ConnectorRights:
    return read_connector_rights(directory, account, TARGET)


def states(found: ConnectorRights) -> dict[str, Switch]:
    return {row.operation.id: row.granted for row in found.rows}


def test_an_account_without_rights_and_the_entries_that_give_them(forest: Embedded, directory: Directory) -> None:
    before = read(directory)
    assert (before.account.name, before.dn) == (r"CONTOSO\MSOL_0123456789ab", MSOL)
    refused = {key for key, granted in states(before).items() if granted is Switch.OFF}
    assert {"connect-create", "connect-members", "connect-delete", "connect-rename", "connect-write:mail"} <= refused
    for row in before.rows:
        for missing in row.missing:
            assert missing.grant is not None
            add_grant(forest.store, missing.grant, MSOL)
    assert set(states(read(directory)).values()) == {Switch.ON}


def test_what_the_published_cmdlet_grants_does_not_let_it_create(forest: Embedded, directory: Directory) -> None:
    """``GRGWCCDCSDDT;;group`` with ``/I:S``: an entry that group objects inherit."""
    mask = EVERYTHING | AccessMask.DELETE | AccessMask.LIST_CONTENTS | AccessMask.READ_CONTROL
    sid = forest.store.sid(MSOL)
    explicit(forest.store, TARGET, [Ace(AceType.ALLOWED_OBJECT, sid, mask, _BELOW, None, GROUP_CLASS)], keep=True)
    found = states(read(directory))
    assert found["connect-create"] is Switch.OFF
    assert {key for key, granted in found.items() if granted is not Switch.ON} == {"connect-create"}


def test_rights_by_a_nested_group(forest: Embedded, directory: Directory) -> None:
    store = forest.store
    store.add(f"CN=inner,OU=Staff,{BASE}", {"objectClass": ["group"], "groupType": "-2147483640", "member": [MSOL]})
    outer = f"CN=outer,OU=Staff,{BASE}"
    inner = [f"CN=inner,OU=Staff,{BASE}"]
    store.add(outer, {"objectClass": ["group"], "groupType": "-2147483644", "member": inner})
    for row in read(directory).rows:
        for missing in row.missing:
            assert missing.grant is not None
            add_grant(store, missing.grant, outer)
    assert set(states(read(directory)).values()) == {Switch.ON}


def test_an_entry_that_denies_is_named(forest: Embedded, directory: Directory) -> None:
    sid = forest.store.sid(MSOL)
    deny = Ace(AceType.DENIED_OBJECT, sid, AccessMask.CREATE_CHILD, AceFlag(0), GROUP_CLASS, None)
    explicit(forest.store, TARGET, [deny], keep=True)
    (row,) = [row for row in read(directory).rows if row.operation.id == "connect-create"]
    (missing,) = row.missing
    assert missing.against is not None
    assert missing.grant is None


def test_a_list_that_may_not_be_read_leaves_everything_unknown(forest: Embedded, directory: Directory) -> None:
    found = read_connector_rights(directory, NAMED, f"OU=Nowhere,{BASE}")
    assert set(states(found).values()) == {Switch.UNKNOWN}


@pytest.mark.parametrize(
    ("account", "code"),
    [
        (r"fabrikam.com\MSOL_0123456789ab", "connector-account-elsewhere"),
        (r"CONTOSO\MSOL_of_nobody", "connector-account-missing"),
        ("", "connector-account-missing"),
    ],
)
def test_an_account_that_is_not_here(forest: Embedded, directory: Directory, account: str, code: str) -> None:
    with pytest.raises(NoAccess) as caught:
        read(directory, account)
    assert caught.value.code == code


@pytest.mark.parametrize("account", [r"CONTOSO\MSOL_0123456789ab", "MSOL_0123456789ab"])
def test_the_account_by_each_of_its_names(forest: Embedded, directory: Directory, account: str) -> None:
    assert read(directory, account).dn == MSOL
