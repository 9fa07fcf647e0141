"""``gwb init`` from the first question to the pre-flight, against a rehearsal."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from rehearsal.contoso import names
from rehearsal.process import RunningRehearsal
from runbook_lib.directory.sign_in.certificates import look_at_tls
from runbook_lib.errors import NoAccess
from runbook_lib.parameters.load import load_parameters
from runbook_lib.runner.cli import cli
from runbook_lib.runner.commands import init as command_init
from tests.support.plain import ROOT


class Newcomer:
    """Somebody who knows the rehearsal's files and answers ``gwb init`` with them."""

    def __init__(self, running: RunningRehearsal, folder: Path) -> None:
        told = load_parameters([running.parameters_file], {}, project_root=ROOT).parameters
        self.folder = folder
        self.port = told.dc_port
        self.ca_file = Path(told.dc_ca_file)
        own = ("graph_url", "authority_url", "cloud_ca_file", "dc_port", "dns_servers")
        self.given = [part for name in own for part in ("-p", f"{name}={_typed(getattr(told, name))}")]
        certificate = x509.load_pem_x509_certificate(self.ca_file.read_bytes())
        self.fingerprint = certificate.fingerprint(hashes.SHA256()).hex(":")
        self.answers = {
            "tenant": names.DOMAIN,
            "purpose": "rights-direct",
            "key_file": told.certificate_file,
            "client_id": told.client_id.upper(),
            "domain": names.DOMAIN,
            "dc_ca": self.fingerprint,
            "bind_user": told.bind_user,
            "bind_password_file": told.bind_password_file,
            "target_ou": told.target_ou,
            "retired_ou": told.retired_ou,
            "change_id": "PILOT-1",
            "groups": "Sales Team; Marketing",
            "preflight": "later",
        }

    def init(self, *options: str, **changed: str) -> Result:
        """Run it with the answers of a file."""
        file = self.folder.with_suffix(".answers.yaml")
        lines = {**self.answers, **changed}
        file.write_text("".join(f"{key}: {json.dumps(text)}\n" for key, text in lines.items()), encoding="utf-8")
        return self.gwb("--answers", str(file), *options)

    def gwb(self, *options: str, typed: str | None = None) -> Result:
        """Run it."""
        return CliRunner().invoke(cli, ["init", str(self.folder), *options, *self.given], input=typed, prog_name="gwb")


def _typed(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@pytest.fixture
def newcomer(fresh_rehearsal: RunningRehearsal, tmp_path: Path) -> Newcomer:
    return Newcomer(fresh_rehearsal, tmp_path / "mine")


def test_two_files_come_of_the_answers_and_nothing_is_overwritten_unasked(newcomer: Newcomer) -> None:
    done = newcomer.init()

    assert done.exit_code == 0, done.output
    files = [newcomer.folder / "environment.yaml", newcomer.folder / "change.yaml"]
    told = load_parameters(files, {}, project_root=ROOT).parameters
    assert (told.tenant_id, told.dc_host, told.cloud) == (names.TENANT_ID, "localhost", "global")
    assert (told.route, told.group_type, told.select_names) == ("direct", "security", ["Sales Team", "Marketing"])
    assert told.client_id == names.CLIENT_ID
    assert Path(told.dc_ca_file).read_bytes().strip() == newcomer.ca_file.read_bytes().strip()
    assert "holds groups that this runbook did not write" in done.output
    assert "Group.Read.All: groups and deleted groups" in done.output
    assert (newcomer.folder / ".gitignore").read_text(encoding="ascii").endswith("*\n")
    assert stat.S_IMODE(newcomer.folder.stat().st_mode) == 0o700
    before = [file.read_bytes() for file in files]

    again = newcomer.init(reason="Another one")

    assert again.exit_code == 5
    assert "Nothing was written" in again.output
    assert [file.read_bytes() for file in files] == before
    assert newcomer.init("--overwrite", reason="Another one").exit_code == 0
    assert 'reason: "Another one"' in files[1].read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"tenant": "nobody.example"}, "No tenant nobody.example is known"),
        ({"client_id": names.TENANT_ID}, "That is the id of the tenant"),
        ({"client_id": "00000000-1111-2222-3333-444444444444"}, "No access"),
        ({"domain": "other.example"}, "knows no _ldap._tcp.dc._msdcs.other.example"),
        ({"dc_ca": "AB" * 32}, "showed no CA with that fingerprint"),
        ({"bind_user": "CONTOSO\\svc-gwb"}, "not DOMAIN"),
        ({"bind_user": "nobody@contoso.com"}, "No access"),
        ({"target_ou": "OU=Missing,DC=contoso,DC=com"}, "There is no OU=Missing"),
        ({"target_ou": "CN=Users,DC=contoso,DC=com"}, "no OU for groups alone"),
        ({"retired_ou": names.TARGET_OU}, "That is the OU of written groups"),
        ({"groups": "absent.csv"}, "names no groups: it is a file which is not there"),
        ({"change_id": "a/b"}, "cannot name a folder"),
        ({"purpose": "mail"}, "mail is none of the answers"),
    ],
)
def test_each_answer_is_checked_where_it_is_given(newcomer: Newcomer, changed: dict[str, str], words: str) -> None:
    done = newcomer.init(**changed)

    assert done.exit_code in (2, 8), done.output
    assert words in done.output
    assert "Traceback" not in done.output
    assert not (newcomer.folder / "environment.yaml").exists()


def test_a_person_answers_with_numbers_words_and_enter(newcomer: Newcomer, monkeypatch: pytest.MonkeyPatch) -> None:
    password = Path(newcomer.answers["bind_password_file"]).read_text(encoding="utf-8").strip()
    monkeypatch.setattr(command_init, "_is_terminal", lambda: True)
    typed = [
        *("", "nowhere.example", names.DOMAIN),  # tenant
        *("2", newcomer.answers["key_file"], newcomer.answers["client_id"], ""),
        *("", "", "1", "", "", password),  # domain, controller, CA, account, file of the password
        *("cloud groups", "1", newcomer.answers["target_ou"], "retired", "1"),
        *("", "Pilot", "Sales Team", "later"),
    ]

    done = newcomer.gwb(typed="\n".join(typed) + "\n")

    kept = newcomer.folder / "bind-password.txt"
    assert done.exit_code == 0, done.output
    assert "That is the OU of written groups" in done.output
    assert "An answer is needed" in done.output
    assert "No tenant nowhere.example" in done.output
    assert password not in done.output
    assert kept.read_text(encoding="utf-8") == password
    assert password not in (newcomer.folder / "init-answers.yaml").read_text(encoding="utf-8")


def test_without_a_terminal_nobody_is_asked(newcomer: Newcomer) -> None:
    done = newcomer.gwb()

    assert done.exit_code == 2
    assert "gwb init --answers FILE" in done.output
    assert not newcomer.folder.exists()


def test_a_password_that_is_refused_leaves_no_file(newcomer: Newcomer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_init, "_is_terminal", lambda: True)
    answers = newcomer.answers
    typed = [answers["tenant"], "2", answers["key_file"], answers["client_id"], "later", "", "", "1", "", "", "wrong"]

    done = newcomer.gwb(typed="\n".join(typed) + "\n")

    assert "No access" in done.output
    assert not (newcomer.folder / "bind-password.txt").exists()
    assert (newcomer.folder / "init-answers.yaml").exists(), "it goes on there the next time"


def test_the_certificates_that_a_controller_shows(newcomer: Newcomer) -> None:
    look = look_at_tls("localhost", newcomer.port, timeout=10)

    assert not look.trusted
    assert "localhost" in look.names
    assert [root.sha256.lower() for root in look.roots] == [newcomer.fingerprint.replace(":", "")]
    with pytest.raises(NoAccess) as caught:
        look_at_tls("localhost", 1, timeout=10)
    assert caught.value.code == "dc-unreachable"
