"""Durations, names of runs, names of notebooks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.errors import UsageError
from runbook_lib.files import safe_folder_name
from runbook_lib.model.duration import duration_text
from runbook_lib.parameters.model import Parameters
from runbook_lib.record.folder import new_run_id
from runbook_lib.record.needs import find_notebook
from runbook_lib.runner.commands.check import check
from runbook_lib.runner.commands.run import run
from runbook_lib.runner.options import overrides_of, parse_duration
from runbook_lib.secrets.redact import known_secrets


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("4h", timedelta(hours=4)),
        ("30m", timedelta(minutes=30)),
        ("2d", timedelta(days=2)),
        ("90s", timedelta(seconds=90)),
        (" 1H30M ", timedelta(hours=1, minutes=30)),
    ],
)
def test_durations(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize("text", ["", "4", "h", "0h", "-4h", "4 h", "4w", "1.5h", "4hours", "9999999d", "٤h"])
def test_text_that_is_no_duration(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_duration(text)
    assert caught.value.code == "bad-duration"


@pytest.mark.parametrize(
    ("text", "seconds"), [("3600", 3600), ("1.5", 1.5), ("90s", 90), ("4h", 14_400), ("30d", 2_592_000), (" 5m ", 300)]
)
def test_time_limits(text: str, seconds: float) -> None:
    assert run.make_context("run", ["t", "--timeout", text]).params["timeout"] == seconds


@pytest.mark.parametrize(
    "text", ["0", "0.5", "-1", "nan", "inf", "1e300", "99999999999", "31d", "999999d" * 200, "soon", "", "4 h"]
)
def test_text_that_is_no_time_limit(text: str) -> None:
    with pytest.raises(click.BadParameter):
        run.make_context("run", ["t", "--timeout", text])


def test_a_run_has_a_time_limit_without_being_told() -> None:
    assert run.make_context("run", ["t"]).params["timeout"] == 4 * 3600


@pytest.mark.parametrize(
    ("args", "given"),
    [
        (["-p", "reason", "a"], [("reason", "a")]),
        (["-p", "reason=a"], [("reason", "a")]),
        (["--parameter", "reason=a"], [("reason", "a")]),
        (["--parameter=reason=a"], [("reason", "a")]),
        (["-preason=a"], [("reason", "a")]),
        (["-p", "reason", "a=b"], [("reason", "a=b")]),
        (["-p", "reason=a=b"], [("reason", "a=b")]),
        (["-p", "reason="], [("reason", "")]),
        (["-p", "reason=-p"], [("reason", "-p")]),
        (["-p", "reason", "-p"], [("reason", "-p")]),
        (["-p", "target_ou=OU=a,DC=b", "-p", "max_creates", "5"], [("target_ou", "OU=a,DC=b"), ("max_creates", "5")]),
        (["-p", 'select_names=["a=b"]', "--quiet"], [("select_names", '["a=b"]')]),
    ],
)
@pytest.mark.parametrize("command", [run, check])
def test_a_parameter_as_name_and_value_or_as_one_word(
    command: click.Command, args: list[str], given: list[tuple[str, str]]
) -> None:
    for order in (["t", *args], [*args, "t"]):
        context = command.make_context("x", list(order))
        assert list(context.params["given"]) == given
        assert (context.params["notebook"] if command is run else str(context.params["named"][0])) == "t"


@pytest.mark.parametrize("command", [run, check])
@pytest.mark.parametrize(
    ("args", "said"), [(["-p"], "nothing follows it"), (["-p", "max_creates"], "'max_creates' has none")]
)
def test_a_name_without_a_value_is_told_how_to_write_it(command: click.Command, args: list[str], said: str) -> None:
    # click alone would ask for "2 arguments", where help and messages say NAME=VALUE.
    with pytest.raises(click.BadOptionUsage, match=rf"NAME=VALUE: {said}"):
        command.make_context("x", ["t", *args])


@given(name=st.from_regex(r"[a-z_]+", fullmatch=True), value=st.text())
def test_whatever_the_value_is_it_arrives_as_typed(name: str, value: str) -> None:
    for args in (["-p", f"{name}={value}"], ["-p", name, value]):
        assert run.make_context("x", ["t", *args]).params["given"] == ((name, value),)


def test_parameters_without_a_name_or_given_twice() -> None:
    for pair, code in ((("", "x"), "parameter-without-name"), (("a", "x"), "parameter-twice")):
        with pytest.raises(UsageError) as caught:
            overrides_of([("a", "1"), pair])
        assert caught.value.code == code


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.84, "0.8 s"), (12.4, "12 s"), (185, "3 min 05 s"), (59.7, "1 min 00 s"), (7800, "2 h 10 min")],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration_text(seconds) == words


def test_run_ids_sort_by_utc_time_and_differ() -> None:
    now = datetime(2026, 11, 22, 6, 0, tzinfo=timezone(timedelta(hours=1)))
    first, second = (new_run_id(Path("30-enable-writeback.ipynb"), now) for _ in range(2))
    assert first.startswith("20261122T050000Z-30-enable-writeback-")
    assert first[:-4] == second[:-4]
    assert len({new_run_id(Path("x"), now) for _ in range(20)}) > 1
    later = new_run_id(Path("00-a.ipynb"), datetime(2026, 11, 22, 5, 0, 1, tzinfo=UTC))
    assert first < later
    for name in ("x" * 300, "été <b>", "..", "con"):
        assert safe_folder_name(new_run_id(Path(name), now))


def test_notebooks_by_path_and_by_bare_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = tmp_path / "notebooks" / "20-inventory.ipynb"
    notebook.parent.mkdir()
    notebook.touch()
    monkeypatch.chdir(notebook.parent)
    for text in ("20-inventory", "20-inventory.ipynb", "notebooks/20-inventory.ipynb", str(notebook)):
        assert find_notebook(text, tmp_path) == notebook
    for text in ("20", "notebooks", "../20-inventory", "x.yaml", ""):
        with pytest.raises(UsageError, match="no notebook") as caught:
            find_notebook(text, tmp_path)
        assert "20-inventory" in caught.value.hint


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "ALL_PROXY"])
def test_the_password_of_a_proxy_is_a_known_secret(tmp_path: Path, name: str) -> None:
    environment = {name: "http://svc:canary%40x@proxy.example:8080", "GWB_CLIENT_SECRET": "another"}
    found = known_secrets(Parameters.model_validate({}), tmp_path, environment)
    assert found == ["another", "canary%40x", "canary@x"]
    assert known_secrets(Parameters.model_validate({}), tmp_path, {name: "http://[::1"}) == []
    assert known_secrets(Parameters.model_validate({}), tmp_path, {name: "http://proxy.example"}) == []
