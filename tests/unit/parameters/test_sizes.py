"""Files and values that are no parameters at all: told in a second, in twenty lines, and never by a traceback."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runbook_lib.errors import UsageError
from runbook_lib.parameters.load import load_parameters, parameters_from_values
from runbook_lib.parameters.problems import MOST_SHOWN
from runbook_lib.runner import console

MANY = 100_000


def refused(load: Callable[[], object]) -> UsageError:
    """The error, which came soon: seconds of processor time, so that other tests do not count."""
    begun = time.process_time()
    with pytest.raises(UsageError) as caught:
        load()
    assert time.process_time() - begun < 5  # one second on a machine with nothing else to do
    assert len(str(caught.value)) < 20_000
    return caught.value


def in_file(tmp_path: Path, text: str) -> UsageError:
    path = tmp_path / "p.yaml"
    path.write_text(text, encoding="utf-8")
    return refused(lambda: load_parameters([path], {}, project_root=tmp_path))


def test_a_hundred_thousand_unknown_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = {f"p{number}": "1" for number in range(MANY)}
    as_lines = "".join(f"{name}: 1\n" for name in names)
    as_flow = "{" + ", ".join(f"{name}: 1" for name in list(names)[:40_000]) + "}"
    for error, count in (
        (in_file(tmp_path, as_lines), MANY),
        (in_file(tmp_path, as_flow), 40_000),
        (refused(lambda: load_parameters([], names, project_root=tmp_path)), MANY),
        (refused(lambda: parameters_from_values(names, source="parameters cell")), MANY),
    ):
        assert (error.code, error.outcome.exit_code) == ("unknown-parameter", 2)
        assert error.values["more"] == count - MOST_SHOWN
        assert error.message.startswith(f"{count:,} things are wrong in the parameters. ")
        assert error.message.endswith(f" … and {count - MOST_SHOWN:,} more.")
        console.show_error(error)
        shown = capsys.readouterr().err.splitlines()
        assert (len(shown), shown[-1]) == (MOST_SHOWN + 2, f"  … and {count - MOST_SHOWN:,} more.")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('change_id: "CHG1"\n' * 2_000, "parameters-file-invalid"),  # every name is known, and nothing was taken of it
        ("".join(f"? p{number}\n: 1\n" for number in range(70_000)), "parameters-file-invalid"),
        ("{" + ",".join(f"p{number}: 1" for number in range(80_000)) + "}", "parameters-file-invalid"),
        ("acknowledge: [" + ",".join(["{a: b}"] * 20_000) + "]", "bad-value"),
        ("acknowledge: [" + ",".join(["{a: b}"] * MANY) + "]", "parameters-file-invalid"),
        ("select_ids: [" + ",".join(["1"] * MANY) + "]", "parameters-file-invalid"),
    ],
)
def test_many_of_anything(tmp_path: Path, text: str, code: str) -> None:
    assert in_file(tmp_path, text).code == code


def test_the_lines_of_many_unknown_names(tmp_path: Path) -> None:
    text = 'change_id: "CHG1"\n\n' + "".join(f"p{number}: 1\n" for number in range(2_000))
    problems = in_file(tmp_path, text).values["problems"]
    assert isinstance(problems, list)
    assert [p["where"].rsplit(":", 1)[1] for p in problems] == [str(line) for line in range(3, 23)]


def test_a_secret_among_many_mistakes_is_told_in_any_case(tmp_path: Path) -> None:
    text = "".join(f"p{number}: 1\n" for number in range(30)) + 'my_password: "canary"\nreason: "password=canary"\n'
    error = in_file(tmp_path, text)
    assert error.code == "secret-in-parameter"
    assert "my_password" in error.message
    assert "canary" not in str(error)
    assert error.values["more"] == 12


@pytest.mark.parametrize("text", ["[" * MANY, "{" * MANY, "- " * MANY, "? " * MANY, '["' * MANY, "a: " + "[" * MANY])
def test_nesting_ends_early(tmp_path: Path, text: str) -> None:
    assert in_file(tmp_path, text).code == "parameters-file-invalid"
    assert in_file(tmp_path, f"select_names: {text}").code == "parameters-file-invalid"
    error = refused(lambda: load_parameters([], {"select_names": text}, project_root=tmp_path))
    assert error.code == "bad-value"


def test_references_of_references_are_never_followed(tmp_path: Path) -> None:
    laughs = "a: &a [x, x]\n" + "".join(
        f"{name}: &{name} [{', '.join(['*' + before] * 9)}]\n"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    for text in (laughs, "select_names: &a [*a]\n", "reason: &a x\nchange_id: *a\n", "<<: *a\n"):
        assert in_file(tmp_path, text).code == "parameters-file-invalid"


def test_values_of_a_notebook_that_go_deep_or_round(tmp_path: Path) -> None:
    deep: list[object] = []
    for _ in range(MANY):
        deep = [deep]
    circle: list[object] = []
    circle.append(circle)
    wide: list[object] = ["x"] * 10
    for _ in range(7):
        wide = [wide] * 10
    mapping: dict[str, object] = {}
    mapping["a"] = mapping
    for value in (deep, circle, wide, mapping):
        for name in ("select_names", "reason", "acknowledge", "unknown"):
            error = refused(lambda name=name, value=value: parameters_from_values({name: value}, source="cell"))  # type: ignore[misc]
            assert error.code in ("bad-value", "unknown-parameter")
    while deep:
        deep = deep.pop()  # type: ignore[assignment]


@pytest.mark.parametrize(
    "values",
    [
        {"select_ids": ["x"] * MANY},
        {"select_kinds": ["x"] * MANY},
        {"select_names": [1] * MANY},
        {"acknowledge": [{}] * 10_000},
        {"protected_ous": ["OU=a"] * 20_000},
    ],
)
def test_lists_of_mistakes(values: dict[str, object]) -> None:
    error = refused(lambda: parameters_from_values(values, source="parameters cell"))
    (size,) = (len(value) for value in values.values() if isinstance(value, list))
    more = error.values["more"]
    assert isinstance(more, int)
    assert more >= size - MOST_SHOWN
    problems = error.values["problems"]
    assert isinstance(problems, list)
    assert len(problems) == MOST_SHOWN


@pytest.mark.parametrize("text", ["a" * 900_000, "eyJ" * 300_000, "password " * 100_000, " " * 900_000])
def test_a_text_that_is_none_of_ours_is_not_looked_into(tmp_path: Path, text: str) -> None:
    for error in (
        in_file(tmp_path, f'reason: "{text}"\n'),
        refused(lambda: load_parameters([], {"reason": text}, project_root=tmp_path)),
        refused(lambda: parameters_from_values({"reason": text}, source="parameters cell")),
    ):
        assert error.code == "too-long"
    assert in_file(tmp_path, f'"{text}": 1\n').outcome.exit_code == 2


def test_files_that_are_none(tmp_path: Path) -> None:
    large = tmp_path / "large.yaml"
    with large.open("wb") as stream:
        stream.truncate(500_000_000)
    assert refused(lambda: load_parameters([large], {}, project_root=tmp_path)).code == "parameters-file-invalid"
    assert refused(lambda: load_parameters([tmp_path], {}, project_root=tmp_path)).outcome.exit_code == 2
    if os.name == "posix":
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        for path in (pipe, Path("/dev/zero"), Path("/dev/null")):
            error = refused(lambda path=path: load_parameters([path], {}, project_root=tmp_path))  # type: ignore[misc]
            assert "is not a regular file" in error.message
