"""``gwb rehearsal connect``: wizard, cycle and collector, over LDAP as the connector account."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from rehearsal.commands import rehearsal as commands
from rehearsal.contoso import names
from rehearsal.options import LEAST_STAFF, StartOptions
from rehearsal.process import RunningRehearsal, start_rehearsal
from runbook_lib.connect.choosing import prove_choice
from runbook_lib.connect.evidence import read_connect_evidence
from runbook_lib.errors import UsageError
from runbook_lib.model.ids import as_group_id
from tests.support.connect_sync import enable_and_disable

SALES = names.group_id("sales-team")
Objects = dict[str, dict[str, list[str]]]


def connect(running: RunningRehearsal, *arguments: str) -> str:
    return gwb_rehearsal(running, "connect", *arguments)


def gwb_rehearsal(running: RunningRehearsal, *arguments: str) -> str:
    folder = running.folder
    told = [*arguments, "--name", folder.name, "--directory-folder", str(folder.path.parent)]
    result = CliRunner().invoke(commands, told, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def written(running: RunningRehearsal, container: str = names.CONNECT_OU) -> Objects:
    """Groups below the OU by what their adminDescription names."""
    found = {dn: values for dn, values in running.control.directory().items() if dn.endswith(f",{container}")}
    return {values["adminDescription"][0]: {"dn": [dn], **values} for dn, values in found.items()}


def test_enable_write_edit_disable(fresh_rehearsal: RunningRehearsal, tmp_path: Path) -> None:
    control = fresh_rehearsal.control
    seeded = written(fresh_rehearsal)
    assert "0 made, 0 changed, 0 renamed, 0 deleted" in connect(fresh_rehearsal, "cycle"), "v1 is off"
    assert written(fresh_rehearsal) == seeded
    assert names.CONNECT_OU in connect(fresh_rehearsal, "enable")
    with pytest.raises(UsageError, match="on already"):
        connect(fresh_rehearsal, "enable")
    connect(fresh_rehearsal, "cycle")
    after = written(fresh_rehearsal)
    sales = after[f"Group_{SALES}"]
    assert sales["dn"] == [f"CN=Group_{SALES},{names.CONNECT_OU}"]
    assert sales["groupType"] == ["8"]
    assert sales["mail"]
    assert "0 made, 0 changed, 0 renamed, 0 deleted" in connect(fresh_rehearsal, "cycle")
    control.edit_directory("modify", sales["dn"][0], attributes={"displayName": ["By hand"], "member": []})
    assert "0 made, 1 changed" in connect(fresh_rehearsal, "cycle"), "edits by hand are overwritten"
    assert sorted(written(fresh_rehearsal)[f"Group_{SALES}"]["member"]) == sorted(sales["member"])
    connect(fresh_rehearsal, "disable")
    file = tmp_path / "evidence.json"
    connect(fresh_rehearsal, "collect", str(file))
    told = read_connect_evidence(file)
    assert told.collector_known
    assert told.evidence.features is not None
    assert told.evidence.features.v1 is False
    assert "deleted, 0 refused" in connect(fresh_rehearsal, "cycle")
    left = written(fresh_rehearsal)
    assert {one["displayName"][0] for one in left.values()} == {"Gone For Good", "Project Heron"}
    with pytest.raises(UsageError, match="it exists"):
        connect(fresh_rehearsal, "collect", str(file))
    connect(fresh_rehearsal, "enable")
    connect(fresh_rehearsal, "collect", "--force", str(file))
    now = read_connect_evidence(file).evidence.features
    assert now is not None
    assert now.v1


def test_staging_exports_nothing_and_shows_what_is_pending(fresh_rehearsal: RunningRehearsal, tmp_path: Path) -> None:
    connect(fresh_rehearsal, "stage", "on")
    connect(fresh_rehearsal, "enable", "--display-names")
    before = written(fresh_rehearsal)
    assert "Pending, in staging mode" in connect(fresh_rehearsal, "cycle")
    assert written(fresh_rehearsal) == before
    file = tmp_path / "evidence.json"
    connect(fresh_rehearsal, "collect", str(file))
    told = read_connect_evidence(file).evidence
    assert told.scheduler is not None
    assert told.scheduler.staging
    assert told.pending is not None
    assert told.pending[0].counters["ExportAdds"] > 10
    connect(fresh_rehearsal, "stage", "off")
    connect(fresh_rehearsal, "cycle")
    assert written(fresh_rehearsal)[f"Group_{SALES}"]["cn"] == [f"Sales Team_{SALES[-12:]}"]


def test_an_ou_without_rights_and_one_outside_the_filter(fresh_rehearsal: RunningRehearsal, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no OU"):
        connect(fresh_rehearsal, "enable", "--ou", f"OU=Nowhere,{names.BASE_DN}")
    connect(fresh_rehearsal, "filter", "--leave-out", names.TARGET_OU)
    with pytest.raises(UsageError, match="The OU is excluded"):
        connect(fresh_rehearsal, "enable", "--ou", f"OU=Deep,{names.TARGET_OU}")
    connect(fresh_rehearsal, "filter")
    connect(fresh_rehearsal, "enable", "--ou", names.TARGET_OU)
    assert "refused 8344" in connect(fresh_rehearsal, "cycle")
    file = tmp_path / "evidence.json"
    connect(fresh_rehearsal, "collect", str(file))
    told = read_connect_evidence(file).evidence
    assert told.runs is not None
    assert told.runs[0].result == "completed-export-errors"
    assert told.export_errors is not None
    assert {one.code for one in told.export_errors} == {"8344"}


def test_update_recipient_fills_the_address_book_once(fresh_rehearsal: RunningRehearsal) -> None:
    update = ("update-recipients", "--ou", names.CONNECT_OU)
    without = {one["dn"][0] for one in written(fresh_rehearsal).values() if "mail" in one}
    assert f"{len(without)}." in gwb_rehearsal(fresh_rehearsal, *update)
    now = written(fresh_rehearsal).values()
    listed = {one["dn"][0] for one in now if one.get("showInAddressBook")}
    assert without
    assert listed == without
    (addresses,) = {one["showInAddressBook"][0] for one in now if "showInAddressBook" in one}
    assert addresses in fresh_rehearsal.control.directory()
    assert " 0." in gwb_rehearsal(fresh_rehearsal, *update)


def test_without_exchange_there_is_no_update_recipient(tmp_path: Path) -> None:
    with (
        start_rehearsal(tmp_path / "none", StartOptions(exchange="none", staff=LEAST_STAFF)) as running,
        pytest.raises(UsageError, match="not prepared for Exchange"),
    ):
        gwb_rehearsal(running, "update-recipients", "--ou", names.CONNECT_OU)


def test_what_is_predicted_comes_and_goes(fresh_rehearsal: RunningRehearsal) -> None:
    enable_and_disable(fresh_rehearsal)


def test_rules_that_keep_groups_out_are_tried_in_staging_mode(
    fresh_rehearsal: RunningRehearsal, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="staging mode"):
        connect(fresh_rehearsal, "keep-out", SALES)
    connect(fresh_rehearsal, "enable")
    connect(fresh_rehearsal, "cycle")
    connect(fresh_rehearsal, "stage", "on")
    with pytest.raises(UsageError, match="has no group"):
        connect(fresh_rehearsal, "keep-out", names.group_id("nobody"))
    chosen = [as_group_id(anchor.removeprefix("Group_")) for anchor in written(fresh_rehearsal)]
    chosen = [one for one in chosen if one != SALES]
    file = tmp_path / "before.json"
    connect(fresh_rehearsal, "keep-out", SALES)
    connect(fresh_rehearsal, "collect", str(file))
    assert "not synchronized" in prove_choice(read_connect_evidence(file), chosen, chosen).unproved
    connect(fresh_rehearsal, "cycle")
    file = tmp_path / "after.json"
    connect(fresh_rehearsal, "collect", str(file))
    proof = prove_choice(read_connect_evidence(file), chosen, chosen)
    assert (proof.unproved, proof.unwanted, proof.deleted) == ("", (), (SALES,))
    connect(fresh_rehearsal, "keep-out")
    file = tmp_path / "without.json"
    connect(fresh_rehearsal, "collect", str(file))
    assert "cloudNoFlow" in prove_choice(read_connect_evidence(file), chosen, chosen).unproved
