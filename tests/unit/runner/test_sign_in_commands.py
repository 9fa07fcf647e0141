"""Signing in and out from the command line."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from runbook_lib.graph.kept.place import kept_file
from runbook_lib.graph.sign_in import cache
from runbook_lib.graph.sign_in.cache import kept_cache
from runbook_lib.graph.sign_in.device_code import DeviceCode
from runbook_lib.model.text import t
from runbook_lib.runner.cli import cli
from runbook_lib.runner.commands.sign_in import terminal_prompt
from runbook_lib.runner.console import CellProgress
from tests.unit.graph.fake_cloud import TENANT
from tests.unit.graph.fake_sign_in import CLIENT, FakeSignIn, Prompt, person_source
from tests.unit.graph.test_sign_in_cache import Sealed, no_store


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "p.yaml"
    path.write_text(f'tenant_id: "{TENANT}"\nclient_id: "{CLIENT}"\n', encoding="utf-8")
    return path


def sign_out(file: Path) -> Result:
    return CliRunner().invoke(cli, ["sign-out", "-f", str(file)], prog_name="gwb")


def test_sign_out_forgets(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "cache_folder", lambda _: tmp_path / "state")
    monkeypatch.setattr(cache, "kept_cache", sealed := partial(kept_cache, encrypted=Sealed))
    prompt = Prompt()
    person_source(FakeSignIn(), prompt, sealed(tmp_path / "state", TENANT, CLIENT))[0].token()
    first, second = sign_out(file), sign_out(file)
    assert (first.exit_code, first.stdout) == (0, "The sign-in is forgotten.\n")
    assert (second.exit_code, second.stdout) == (0, "No sign-in was kept.\n")


def test_sign_out_without_a_store_says_so(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "cache_folder", lambda _: tmp_path / "state")
    monkeypatch.setattr(cache, "kept_cache", partial(kept_cache, encrypted=no_store))
    result = sign_out(file)
    assert result.exit_code == 8
    assert "Nothing can be forgotten: this computer's encrypted store does not work (ImportError)." in result.stderr


@pytest.mark.parametrize(("encrypted", "also"), [(Sealed, "No sign-in was kept.\n"), (no_store, "")])
def test_sign_out_removes_what_was_read_of_the_tenant(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encrypted: object, also: str
) -> None:
    monkeypatch.setattr(cache, "cache_folder", lambda _: tmp_path / "state")
    monkeypatch.setattr(cache, "kept_cache", partial(kept_cache, encrypted=encrypted))  # type: ignore[arg-type]
    kept = kept_file(tmp_path / "state", f"{TENANT}.{CLIENT}", None)
    kept.save(b"about", [])
    result = sign_out(file)
    assert (result.exit_code, result.stdout) == (0, "What was read of the tenant is not kept any more.\n" + also)
    assert not kept.path.exists()


def test_sign_out_says_where_what_was_read_could_not_be_removed(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "cache_folder", lambda _: tmp_path / "state")
    kept_file(tmp_path / "state", f"{TENANT}.{CLIENT}", None).path.mkdir(parents=True)
    result = sign_out(file)
    assert result.exit_code == 9
    assert "What was read of the tenant cannot be removed from" in result.stderr
    assert str(tmp_path / "state") in result.stderr.replace("\n", "")


def test_sign_out_wants_to_know_whose(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text('change_id: "C"\n', encoding="utf-8")
    result = sign_out(path)
    assert result.exit_code == 2
    assert "tenant_id, client_id" in result.stderr


def test_a_code_is_shown_on_a_terminal_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert terminal_prompt() is None
    assert CellProgress(quiet=False).notices is None
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    prompt = terminal_prompt()
    assert prompt is not None
    prompt.show(DeviceCode("A1\x1b[2J", "https://login.example/device", datetime(2026, 11, 20, tzinfo=UTC), 15))
    prompt.close(t("Sign-in: done"))
    notice = CellProgress(quiet=True).notices
    assert notice is not None
    notice(t("also when quiet"))
    assert capsys.readouterr().err == (
        "To sign in, open https://login.example/device and type the code A1\\u001b[2J within 15 minutes. "
        "Ctrl-C cancels.\n"
        "Sign-in: done\n"
        "also when quiet\n"
    )
