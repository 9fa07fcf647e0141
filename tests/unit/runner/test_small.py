"""Durations, names of runs, names of notebooks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from runbook_lib.errors import UsageError
from runbook_lib.parameters.model import Parameters
from runbook_lib.record.names import safe_folder_name
from runbook_lib.runner.durations import duration_words, parse_duration
from runbook_lib.runner.naming import find_notebook, new_run_id
from runbook_lib.runner.secret_values import known_secrets


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
    ("seconds", "words"),
    [(0.84, "0.8 s"), (12.4, "12 s"), (185, "3 min 05 s"), (59.7, "1 min 00 s"), (7800, "2 h 10 min")],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration_words(seconds) == words


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
