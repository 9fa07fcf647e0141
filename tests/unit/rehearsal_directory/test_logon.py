"""Why AD refuses a bind with the right password, and that it says so only to who knows it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rehearsal.directory import DirectoryStore
from rehearsal.directory.failures import LdapError
from rehearsal.directory.logon import file_time
from tests.unit.rehearsal_directory.conftest import NOW, WRITER

PASSWORD = "correct horse"
YESTERDAY, TOMORROW = str(file_time(NOW - timedelta(days=1))), str(file_time(NOW + timedelta(days=1)))
SUNDAY_FIVE = bytes((0x20, *bytes(20)))
"""NOW is a Sunday, half past five."""


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"logonHours": bytes(21)}, "530"),
        ({"logonHours": SUNDAY_FIVE}, ""),
        ({"userWorkstations": "FRONTDESK,KIOSK"}, "531"),
        ({"userWorkstations": "FRONTDESK, DC1"}, ""),
        ({"pwdLastSet": str(file_time(NOW - timedelta(days=43)))}, "532"),
        ({"pwdLastSet": str(file_time(NOW - timedelta(days=41)))}, ""),
        ({"pwdLastSet": "0", "userAccountControl": "66048"}, ""),
        ({"userAccountControl": "514"}, "533"),
        ({"accountExpires": YESTERDAY}, "701"),
        ({"accountExpires": TOMORROW}, ""),
        ({"pwdLastSet": "0"}, "773"),
        ({"lockoutTime": YESTERDAY}, "775"),
    ],
)
def test_reasons(store: DirectoryStore, values: dict[str, str | bytes], reason: str) -> None:
    """The Windows error by the state of the account; a locked account tells nobody whether the password fits."""
    store.modify(WRITER, values)
    if not reason:
        assert store.authenticate(WRITER, PASSWORD, "dc1") == store.node(WRITER).guid
    else:
        with pytest.raises(LdapError, match=f"^80090308: LdapErr: .*, data {reason}, v"):
            store.authenticate(WRITER, PASSWORD, "dc1")
    with pytest.raises(LdapError, match=f"data {'775' if reason == '775' else '52e'}"):
        store.authenticate(WRITER, "wrong", "dc1")


def test_a_name_that_is_a_dn_of_nothing(store: DirectoryStore) -> None:
    """525, as old tables of these errors have it."""
    with pytest.raises(LdapError, match="data 525"):
        store.authenticate("CN=nobody,DC=contoso,DC=com", PASSWORD, "dc1")
