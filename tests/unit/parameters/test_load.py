"""Parameters files and command-line values: what is accepted, and what each mistake is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook_lib.errors import UsageError
from runbook_lib.parameters.load import LoadedParameters, load_parameters, parameters_from_values

TENANT = "11111111-2222-3333-4444-5555555555AB"


def load(tmp_path: Path, text: str, **overrides: str) -> LoadedParameters:
    path = tmp_path / "p.yaml"
    path.write_text(text, encoding="utf-8")
    return load_parameters([path], overrides, project_root=tmp_path)


def refused(tmp_path: Path, text: str, **overrides: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, text, **overrides)
    return caught.value


def test_values_given_and_their_sources(tmp_path: Path) -> None:
    loaded = load(tmp_path, f'change_id: "CHG1"\n\ntenant_id: "{TENANT}"\nmax_creates: 7\n', max_retirements="3")

    assert loaded.parameters.tenant_id == TENANT.lower()
    assert loaded.parameters.max_creates == 7
    assert loaded.parameters.max_member_removals == 200
    assert loaded.given == {"change_id": "CHG1", "tenant_id": TENANT.lower(), "max_creates": 7, "max_retirements": 3}
    assert loaded.sources == {
        "change_id": f"{tmp_path / 'p.yaml'}:1",
        "tenant_id": f"{tmp_path / 'p.yaml'}:3",
        "max_creates": f"{tmp_path / 'p.yaml'}:4",
        "max_retirements": "command line",
    }


def test_later_files_and_the_command_line_win(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text('reason: "a"\nmax_creates: 1\nselect_names: ["x", "y"]\n', encoding="utf-8")
    (tmp_path / "b.yaml").write_text('max_creates: 2\nselect_names: []\nreason: "b"\n', encoding="utf-8")

    loaded = load_parameters([tmp_path / "a.yaml", tmp_path / "b.yaml"], {"reason": "no"}, project_root=tmp_path)

    assert (loaded.parameters.reason, loaded.parameters.max_creates, loaded.parameters.select_names) == ("no", 2, [])
    assert loaded.sources["reason"] == "command line"


def test_a_relative_file_is_found_below_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    (tmp_path / "p.yaml").write_text('change_id: "CHG1"\n', encoding="utf-8")

    assert load_parameters([Path("p.yaml")], {}, project_root=tmp_path).parameters.change_id == "CHG1"


@pytest.mark.parametrize(
    "written", ["no", "yes", "0123", "1e5", "1_000", "nan", ".inf", "2026-12-31", "12", "1.5", "~", "true", "0x1F"]
)
def test_unquoted_text_that_yaml_reads_as_something_else(tmp_path: Path, written: str) -> None:
    error = refused(tmp_path, f"\nchange_id: {written}\n")

    assert error.code == "bad-value"
    assert f"{tmp_path / 'p.yaml'}:2: change_id" in error.message
    assert "quotes" in error.hint


def test_the_same_text_in_quotes_is_text(tmp_path: Path) -> None:
    assert load(tmp_path, "change_id: \"0123\"\nreason: 'no'\n").parameters.change_id == "0123"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("change_id:\n", "has no value"),
        ('max_creates: "5"\n', "whole number"),
        ("max_creates: 0x5\n", "whole number"),
        ("max_creates: 1_0\n", "whole number"),
        ("max_creates: true\n", "whole number"),
        ("max_creates: -1\n", "0 or more"),
        ("dc_port: 65536\n", "65535 or less"),
        ("empty_on_retire: yes\n", "true or false"),
        ('empty_on_retire: "true"\n', "true or false"),
        ('select_names: "a"\n', "must be a list"),
        ("select_names: [no]\n", "must be text"),
        ('change_id: ["a"]\n', "not a list"),
        (
            'sign_in: "password-free"\n',
            "'certificate', 'secret', 'device-code', 'managed-identity' or 'workload-identity'",
        ),
        ("change_id: !secret x\n", "tag"),
        ("change_id: !!python/name:os.system x\n", "must be text"),
        ("select_names: !!python/object/apply:os.system [x]\n", "tag"),
        ("select_names: !!python/tuple [x]\n", "tag"),
        ("select_names: !mine [x]\n", "tag"),
        ("acknowledge: [!!python/object:x {}]\n", "tag"),
        ('select_kinds: ["mail"]\n', "select_kinds, item 1"),
    ],
)
def test_values_of_the_wrong_kind(tmp_path: Path, text: str, words: str) -> None:
    error = refused(tmp_path, text)

    assert error.code == "bad-value"
    assert words in error.message
    assert f"{tmp_path / 'p.yaml'}:1: " in error.message


def test_an_unknown_name_is_refused_with_line_and_nearest(tmp_path: Path) -> None:
    error = refused(tmp_path, 'change_id: "CHG1"\nmax_craetes: 5\n')

    assert error.code == "unknown-parameter"
    assert error.message == f"{tmp_path / 'p.yaml'}:2: max_craetes is not a parameter."
    assert error.hint == "Did you mean max_creates?"


def test_an_unknown_name_on_the_command_line(tmp_path: Path) -> None:
    error = refused(tmp_path, "max_creates: 1\n", **{"dc-hots": "x"})

    assert error.code == "unknown-parameter"
    assert error.message.startswith("command line: dc-hots")
    assert "dc_host" in error.hint


def test_a_name_given_twice(tmp_path: Path) -> None:
    error = refused(tmp_path, "max_creates: 1\ndc_port: 636\nmax_creates: 2\n")

    assert error.code == "parameters-file-invalid"
    assert f"{tmp_path / 'p.yaml'}:3: max_creates is there twice, first in line 1" in error.message


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('change_id: "CHG1\n', 2),
        ("a: b: c\n", 1),
        ("\tmax_creates: 1\n", 1),
        ("- a\n- b\n", 1),
        ("just text\n", 1),
        ("max_creates: 1\n---\nmax_creates: 2\n", 2),
        ("max_creates: 1\nreason: *nowhere\n", 2),
        ("max_creates: 1\nreason: \x07\n", 2),
        ("[" * 3000, 1),
    ],
)
def test_files_that_are_not_a_yaml_mapping(tmp_path: Path, text: str, line: int) -> None:
    error = refused(tmp_path, text)

    assert error.code == "parameters-file-invalid"
    assert error.message.startswith(f"{tmp_path / 'p.yaml'}:{line}: ")
    assert "nowhere" not in error.message


def test_an_empty_file_gives_nothing(tmp_path: Path) -> None:
    assert load(tmp_path, "# all defaults\n").given == {}


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"absent\.yaml is not there") as caught:
        load_parameters([Path("absent.yaml")], {}, project_root=tmp_path)
    assert caught.value.code == "parameters-file-missing"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "utf16.yaml").write_bytes('reason: "x"'.encode("utf-16"))
    (tmp_path / "large.yaml").write_text("#" * 1_000_001, encoding="utf-8")
    for name, code in (("utf16.yaml", "parameters-file-invalid"), ("large.yaml", "parameters-file-invalid")):
        with pytest.raises(UsageError) as caught:
            load_parameters([tmp_path / name], {}, project_root=tmp_path)
        assert caught.value.code == code
    with pytest.raises(UsageError) as caught:
        load_parameters([tmp_path], {}, project_root=tmp_path)
    assert caught.value.code == "parameters-file-unreadable"


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    (tmp_path / "bom.yaml").write_bytes(b'\xef\xbb\xbfreason: "x"\r\nmax_creates: 1\r\n')
    loaded = load_parameters([tmp_path / "bom.yaml"], {}, project_root=tmp_path)
    assert loaded.given == {"reason": "x", "max_creates": 1}


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    error = refused(tmp_path, "max_craetes: 1\nchange_id: no\nselect_names: x\n")

    assert error.code == "bad-parameters"
    assert error.message.startswith("3 things are wrong in the parameters. ")
    problems = error.values["problems"]
    assert isinstance(problems, list)
    assert [p["where"].rsplit(":", 1)[1] for p in problems] == ["1", "2", "3"]


def test_problems_of_nested_values_name_their_own_line(tmp_path: Path) -> None:
    error = refused(
        tmp_path,
        'acknowledge:\n  - finding: "a"\n    by: "b"\n    reason: ""\n    until: "2026-13-01"\n    extra: "c"\n',
    )

    problems = error.values["problems"]
    assert isinstance(problems, list)
    assert {(p["parameter"], p["where"].rsplit(":", 1)[1]) for p in problems} == {
        ("acknowledge, item 1, reason", "4"),
        ("acknowledge, item 1, extra", "6"),
    }


def test_command_line_values_take_the_parameters_type(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        "",
        change_id="0123",
        max_creates="5",
        empty_on_retire="true",
        select_names='["a", "b"]',
        reason="yes: # no",
    )

    assert loaded.given == {
        "change_id": "0123",
        "reason": "yes: # no",
        "max_creates": 5,
        "empty_on_retire": True,
        "select_names": ["a", "b"],
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [("max_creates", "many"), ("max_creates", ""), ("select_names", "a"), ("select_names", "["), ("dc_port", "-1")],
)
def test_command_line_values_that_do_not_fit(tmp_path: Path, name: str, value: str) -> None:
    error = refused(tmp_path, "", **{name: value})

    assert error.code == "bad-value"
    assert error.message.startswith(f"command line: {name} ")


def test_values_of_a_notebook(tmp_path: Path) -> None:
    parameters = parameters_from_values(
        {
            "tenant_id": TENANT,
            "select_names": ("a", "b"),
            "acknowledge": [{"finding": "f", "by": "b", "reason": "r", "until": "2026-12-31"}],
        },
        source="the parameters cell",
    )

    assert parameters.select_names == ["a", "b"]
    assert parameters.tenant_id == TENANT.lower()
    assert parameters.acknowledge[0].finding == "f"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"max_creates": "5"}, "bad-value"),
        ({"max_creates": True}, "bad-value"),
        ({"max_creates": 5.0}, "bad-value"),
        ({"change_id": 5}, "bad-value"),
        ({"max_craetes": 5}, "unknown-parameter"),
        ({"reason": "password=hunter2"}, "secret-in-parameter"),
        ({"target_ou": "Cloud Groups"}, "malformed-dn"),
    ],
)
def test_values_of_a_notebook_are_checked_as_strictly(values: dict[str, object], code: str) -> None:
    with pytest.raises(UsageError) as caught:
        parameters_from_values(values, source="the parameters cell")
    assert caught.value.code == code
    assert caught.value.message.startswith("the parameters cell: ")


def test_everything_that_is_wrong_is_told_in_one_round(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text('tenant_id: "x"\nmax_creates: "5"\nbind_methd: "kerberos"\n', encoding="utf-8")
    (tmp_path / "b.yaml").write_text('target_ou: "no"\nkerberos_keytab: "k"\nmax_deletions: -1\n', encoding="utf-8")
    (tmp_path / "c.yaml").write_text('reason: "a\n', encoding="utf-8")

    with pytest.raises(UsageError) as caught:
        load_parameters([tmp_path / f"{n}.yaml" for n in "ab"], {"dns_servers": "[x]"}, project_root=tmp_path)

    problems = caught.value.values["problems"]
    assert isinstance(problems, list)
    # A keytab needs bind_method, which somebody meant to give: nothing is said of that.
    assert sorted((one["where"].removeprefix(f"{tmp_path}/"), one["code"]) for one in problems) == [
        ("a.yaml:1", "malformed-guid"),
        ("a.yaml:2", "bad-value"),
        ("a.yaml:3", "unknown-parameter"),
        ("b.yaml:1", "malformed-dn"),
        ("b.yaml:3", "bad-value"),
        ("command line", "malformed-dns-server"),
    ]
    with pytest.raises(UsageError) as caught:
        load_parameters([tmp_path / f"{n}.yaml" for n in "ca"], {}, project_root=tmp_path)

    problems = caught.value.values["problems"]
    assert isinstance(problems, list)
    assert {one["code"] for one in problems} == {
        "parameters-file-invalid",
        "malformed-guid",
        "bad-value",
        "unknown-parameter",
    }


def test_files_of_two_tenants_are_not_of_one_run(tmp_path: Path) -> None:
    (tmp_path / "environment.yaml").write_text(
        f'tenant_id: "{TENANT}"\ndc_host: "DC1.contoso.com"\nmax_creates: 5\nreason: "x"\n', encoding="utf-8"
    )
    change = tmp_path / "change.yaml"
    files = [tmp_path / "environment.yaml", change]
    change.write_text(
        f'tenant_id: "{TENANT.lower()}"\ndc_host: "dc1.contoso.com"\nmax_creates: 6\nreason: "x"\n', encoding="utf-8"
    )

    notes = load_parameters(files, {}, project_root=tmp_path).notes

    assert [str(note) for note in notes] == [f"max_creates of {change}:3 replaces that of {files[0]}:3."]
    change.write_text('dc_host: "dc2.contoso.com"\n', encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_parameters(files, {}, project_root=tmp_path)
    assert caught.value.code == "parameters-files-differ"
    change.write_text("", encoding="utf-8")
    replaced = load_parameters(files, {"dc_host": "dc2.contoso.com"}, project_root=tmp_path)
    assert (replaced.parameters.dc_host, replaced.notes) == ("dc2.contoso.com", ())
