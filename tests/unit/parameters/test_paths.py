"""Where relative paths lead."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook_lib.parameters.check import notes
from runbook_lib.parameters.connections import doubtful_names
from runbook_lib.parameters.load import parameters_from_values
from runbook_lib.parameters.paths import project_root, resolve


def test_the_variable_names_the_root(tmp_path: Path) -> None:
    assert project_root({"GWB_PROJECT_ROOT": str(tmp_path)}, current=Path("/")) == tmp_path
    assert project_root({"GWB_PROJECT_ROOT": "x"}, current=tmp_path) == tmp_path / "x"


def test_the_nearest_project_above_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "notebooks" / "deep").mkdir(parents=True)
    assert project_root({}, current=tmp_path / "notebooks" / "deep") == tmp_path


def test_the_checkout_of_this_package_otherwise(tmp_path: Path) -> None:
    assert project_root({}, current=tmp_path) == Path(__file__).parents[3]


def test_resolve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    assert resolve("a/../b", tmp_path) == tmp_path / "b"
    assert resolve(str(tmp_path / "c"), Path("/elsewhere")) == tmp_path / "c"
    assert resolve("~/d", tmp_path) == tmp_path / "home" / "d"
    with pytest.raises(ValueError, match="empty"):
        resolve("", tmp_path)


def test_notes_are_about_what_may_be_meant(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("x", encoding="ascii")
    parameters = parameters_from_values(
        {
            "certificate_file": "client.pem",
            "dc_ca_file": "ca.pem",
            "bind_password_file": "a\\b",
            "kerberos_keytab": "",
            "select_names": ["ok", "Men\u2019s Team"],
            "target_ou": "OU=a \u2013 b,DC=c",
        },
        source="test",
    )
    assert [note[:45] for note in notes(parameters, tmp_path)] == [
        "certificate_file names client.pem, which is n",
        "bind_password_file names a\\b, which is not on",
        "target_ou holds U+2013 EN DASH at character 6",
        "select_names, item 2 holds U+2019 RIGHT SINGL",
    ]
    assert notes(parameters_from_values({"sign_in": "secret", "certificate_file": "x"}, source="test"), tmp_path) == []


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"dc_host": "192.0.2.10"}, "dc_host is an IP address"),
        ({"dc_host": "dc01.contoso.com", "dc_host_fallback": "2001:db8::1"}, "dc_host_fallback is an IP address"),
        ({"dc_host": "dc01"}, "dc_host is a short name"),
        ({"bind_user": "CONTOSO\\svc-gwb"}, "bind_user has the form DOMAIN\\user"),
        ({"bind_user": "svc-gwb"}, "bind_user is neither"),
        ({"bind_user": "svc-gwb@contoso.com", "dc_host": "localhost"}, ""),
        ({"bind_user": "CN=a,DC=contoso,DC=com", "dc_host": "dc01.contoso.com"}, ""),
    ],
)
def test_names_in_a_form_that_hardly_works_are_remarked_on(values: dict[str, str], words: str) -> None:
    found = [str(note) for note in doubtful_names(parameters_from_values(values, source="test"))]

    assert [note.startswith(words) for note in found] == ([True] if words else [])
