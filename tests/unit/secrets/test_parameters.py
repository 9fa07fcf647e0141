"""Secrets are refused as parameters, and no message repeats them."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook_lib.errors import UsageError
from runbook_lib.parameters.load import load_parameters, parameters_from_values
from runbook_lib.secrets.sources import secret_shape

CLIENT_SECRET = "abc8Q~" + "x" * 34
TOKEN = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJjYW5hcnkifQ.c2ln"
PRIVATE_KEY = "-----BEGIN PRIVATE KEY-----"
CANARY = "canary-4711"


def told(error: UsageError) -> str:
    return f"{error} {error!r} {dict(error.values)} {error._render_traceback_()}"


@pytest.mark.parametrize(
    "line",
    [
        f'password: "{CANARY}"',
        f'bind_password: "{CANARY}"',
        f'client_secret: "{CANARY}"',
        f'my_secret: ["{CANARY}"]',
        f'access_token: "{CANARY}"',
        f"client_secret: {CANARY}",
        f'api_key: "{CANARY}"',
        f'reason: "Password={CANARY}"',
        f'reason: "pwd : {CANARY}"',
        f'graph_url: "https://user:{CANARY}@graph.microsoft.com"',
        f'select_names: ["ok", "{TOKEN}{CANARY}"]',
        f'reason: "{PRIVATE_KEY} {CANARY}"',
        f'acknowledge: [{{finding: "Bearer {CANARY}{CANARY}"}}]',
    ],
)
def test_a_secret_is_refused_and_not_repeated(tmp_path: Path, line: str) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(f"max_creates: 1\n{line}\n", encoding="utf-8")

    with pytest.raises(UsageError) as caught:
        load_parameters([path], {}, project_root=tmp_path)

    assert caught.value.code == "secret-in-parameter"
    assert f"{path}:2: " in caught.value.message
    assert CANARY not in told(caught.value)


@pytest.mark.parametrize("value", [CLIENT_SECRET, TOKEN, f"x {PRIVATE_KEY}", "secret=x1"])
@pytest.mark.parametrize("name", ["reason", "max_creates", "nonsense", "bind_user"])
def test_secrets_on_the_command_line_and_in_notebooks(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(UsageError) as on_command_line:
        load_parameters([], {name: value}, project_root=tmp_path)
    with pytest.raises(UsageError) as in_notebook:
        parameters_from_values({name: value}, source="the parameters cell")

    for caught in (on_command_line, in_notebook):
        assert caught.value.code in ("secret-in-parameter", "unknown-parameter")
        assert value not in told(caught.value)
        if name != "nonsense":
            assert caught.value.code == "secret-in-parameter"


def test_a_secret_that_stands_where_a_name_belongs(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load_parameters([], {CLIENT_SECRET: "x"}, project_root=tmp_path)
    assert caught.value.code == "secret-in-parameter"
    assert CLIENT_SECRET not in told(caught.value)


def test_one_secret_among_other_mistakes_names_the_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load_parameters([], {"max_craetes": "1", "password": CANARY}, project_root=tmp_path)
    assert caught.value.code == "secret-in-parameter"


@pytest.mark.parametrize(
    "text", [f'reason: "{CANARY}\n', f"client_secret: *{CANARY}\n", f"{CANARY}: [\n", f"a: b: {CANARY}\n"]
)
def test_a_file_that_is_not_yaml_is_not_quoted(tmp_path: Path, text: str) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_parameters([path], {}, project_root=tmp_path)
    assert CANARY not in told(caught.value)


def test_a_misspelt_file_parameter_is_still_helped(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load_parameters([], {"bind_pasword_file": "x", "bind_password_fil": "y"}, project_root=tmp_path)
    assert "Did you mean bind_password_file?" in caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "OU=Secret Projects,DC=contoso,DC=com",
        "Token Ring Museum",
        "svc-gwb@contoso.com",
        "https://graph.microsoft.com:8443",
        "11111111-2222-3333-4444-555555555555",
        "Password policy of the staff",
    ],
)
def test_ordinary_text_is_no_secret(text: str) -> None:
    assert secret_shape(text) is None
