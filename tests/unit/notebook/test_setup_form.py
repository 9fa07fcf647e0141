"""The form of setting up without a browser: widgets fire their handlers in plain Python."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rehearsal.contoso import names
from rehearsal.process import RunningRehearsal
from runbook_lib.notebook.setup_form import SetupForm
from runbook_lib.parameters.load import load_parameters
from tests.support.plain import ROOT


class Lab:
    """A form on a screen, with what its static line said."""

    def __init__(self, root: Path, given: dict[str, object]) -> None:
        self.environment: dict[str, str] = {}
        self.said: list[str] = []
        self.form = SetupForm(
            root, environment=self.environment, clock=lambda: datetime.now(UTC), line=self, given=given
        )

    def show(self, text: str) -> None:
        self.said.append(text)

    def answer(self, text: str) -> None:
        """Type into whichever field is shown, and click."""
        form = self.form
        if form.secret.layout.display is None:
            form.secret.value = text
        elif form.answer.layout.display is None:
            form.answer.value = text
        else:
            form.offered.value = text
        form.button.click()

    def shown(self, *fields: str) -> bool:
        all_fields = ("answer", "secret", "offered", "replace")
        return all((getattr(self.form, name).layout.display is None) is (name in fields) for name in all_fields)


@pytest.fixture
def lab(fresh_rehearsal: RunningRehearsal, tmp_path: Path) -> Lab:
    told = load_parameters([fresh_rehearsal.parameters_file], {}, project_root=ROOT).parameters
    own = ("graph_url", "authority_url", "cloud_ca_file", "dc_port", "dns_servers", "certificate_file", "dc_ca_file")
    return Lab(tmp_path, {name: getattr(told, name) for name in own})


def test_the_form_leads_to_both_files(lab: Lab, fresh_rehearsal: RunningRehearsal, tmp_path: Path) -> None:
    told = load_parameters([fresh_rehearsal.parameters_file], {}, project_root=ROOT).parameters
    password = Path(told.bind_password_file).read_text(encoding="utf-8").strip()
    form = lab.form

    lab.answer("mine")
    assert "Tenant" in form.title.value
    lab.answer("<b>no")
    assert "neither a domain name" in form.said.value
    assert "<b>no" not in form.said.value, "what somebody typed is escaped"
    lab.answer(names.DOMAIN)
    assert "What are the groups for?" in form.title.value
    assert lab.shown("offered")
    lab.answer("mail-chosen")
    for text in (names.CLIENT_ID, "now", names.DOMAIN, "localhost", told.bind_user, "mine/word.txt"):
        lab.answer(text)
    assert lab.shown("secret")
    lab.answer(password)
    assert form.secret.value == ""
    assert lab.shown("answer", "offered")
    form.answer.value = "RETIRED"
    assert [value for _, value in form.offered.options] == [names.RETIRED_OU]
    form.answer.value = ""
    form.offered.value = names.TARGET_OU
    assert form.answer.value == names.TARGET_OU
    form.button.click()
    assert "did not write" in form.said.value
    for text in (names.RETIRED_OU, "PILOT-1", "", "Sales Team"):
        lab.answer(text)
    assert "pre-flight" in form.title.value
    lab.answer("now")
    assert "Everything is answered" in form.title.value
    assert not (tmp_path / "mine" / "environment.yaml").exists()

    form.button.click()

    assert form.button.disabled
    named = lab.environment["GWB_PARAMETERS"]
    assert named == os.pathsep.join(["mine/environment.yaml", "mine/change.yaml"])
    assert named in lab.said[-1]
    assert "the pre-flight was run" in form.title.value
    assert "Direct (this runbook writes over LDAP): " in form.said.value
    assert form.said.value.count("<table") >= 1
    assert fresh_rehearsal.control.writes()["count"] == 0
    files = [tmp_path / part for part in named.split(os.pathsep)]
    parameters = load_parameters(files, {}, project_root=tmp_path).parameters
    assert (parameters.group_type, parameters.select_names) == ("distribution", ["Sales Team"])
    assert password not in "".join(path.read_text() for path in (tmp_path / "mine").glob("*.yaml"))


def test_files_that_differ_are_replaced_only_where_the_box_is_ticked(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "change.yaml").write_text("# somebody's own\n", encoding="utf-8")
    given = lab.form._given | {"tenant_id": names.TENANT_ID, "route": "direct", "client_id": names.CLIENT_ID}
    given |= {"dc_host": "localhost", "bind_user": "a@b.example", "bind_password_file": "x", "change_id": "C-1"}
    given |= {"target_ou": names.TARGET_OU, "retired_ou": names.RETIRED_OU, "reason": "x", "select_names": ["y"]}
    other = Lab(tmp_path, {**given, "sign_in": "device-code", "group_type": "security", "cloud": "global"})
    other.answer("mine")
    other.answer("now")
    assert other.shown("replace")

    other.form.button.click()
    assert "Nothing was written" in other.form.said.value
    other.form.replace.value = True
    other.form.button.click()

    assert "10-detect-exchange" in other.form.said.value, "nobody can sign in by a code here"
    assert 'change_id: "C-1"' in (tmp_path / "mine" / "change.yaml").read_text(encoding="utf-8")
