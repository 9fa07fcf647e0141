"""Rights of Connect's account as they are predicted, against what a real DC lets that account do."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.rights.connector import ConnectorRights, read_connector_rights
from runbook_lib.directory.rights.needs import AllowEntry
from runbook_lib.model.cloud import Switch
from runbook_lib.model.directory import AttributeDelta
from tests.samba.lab import SambaLab
from tests.samba.rights_lab import TARGET, RightsLab, Trial, allowed, rights_lab

OpenLab = Callable[..., Directory]
TRIED = (
    "connect-create",
    "connect-delete",
    "connect-members",
    "connect-write:description",
    "connect-write:displayName",
)
"""Operations that are tried; the others differ from them by their attribute alone."""


@pytest.fixture(scope="module")
def lab(samba: SambaLab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RightsLab]:
    with rights_lab(samba, tmp_path_factory.mktemp("rights")) as made:
        yield made


def trials(lab: RightsLab, maker: Directory) -> dict[str, Trial]:
    """Each on a group of its own that an administrator made."""

    def change(name: str, value: str) -> Trial:
        guid, _ = lab.group_of(maker)
        return lambda directory: directory.modify(guid, [AttributeDelta(name, added=(value,))])

    def delete() -> Trial:
        guid, _ = lab.group_of(maker)
        return lambda directory: directory.delete(guid)

    lab._made += 1
    made = f"CN=C{lab._made},{TARGET}"
    return {
        "connect-create": lambda directory: bool(directory.add(made, {"objectClass": ["group"], "groupType": ["8"]})),
        "connect-delete": delete(),
        "connect-members": change("member", lab.accounts["MSOL_1"]),
        "connect-write:description": change("description", "x"),
        "connect-write:displayName": change("displayName", "x"),
    }


def predicted(admin: Directory) -> ConnectorRights:
    return read_connector_rights(admin, r"CONTOSO\MSOL_1", TARGET)


def grants_of(found: ConnectorRights) -> list[AllowEntry]:
    return [missing.grant for row in found.rows for missing in row.missing if missing.grant]


def test_what_is_predicted_is_what_the_dc_lets_it_do(lab: RightsLab, open_lab: OpenLab, samba: SambaLab) -> None:
    administrator = {"bind_user": samba.administrator, "bind_password_file": samba.administrator_password_file}
    told = lab.account("MSOL_1")
    with open_lab(**administrator) as admin, open_lab(**told) as connector:
        before = predicted(admin)
        assert before.account.name == r"CONTOSO\MSOL_1"
        grants = grants_of(before)
        states = {row.operation.id: row.granted for row in before.rows}
        assert {states[name] for name in TRIED} == {Switch.OFF}
        assert not any(allowed(trial, connector) for trial in trials(lab, admin).values())
        for left_out in [None, *grants]:
            lab.set_entries([grant for grant in grants if grant != left_out], before.account.sid)
            now = {row.operation.id: row.granted is Switch.ON for row in predicted(admin).rows}
            done = {name: allowed(trial, connector) for name, trial in trials(lab, admin).items()}
            assert {name: now[name] for name in TRIED} == done, left_out
            assert all(now.values()) is (left_out is None)
