"""Texts that YAML, or an eye, takes for others than were typed: each is told with its character, place and way out."""

from __future__ import annotations

import unicodedata
from datetime import date
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.errors import UsageError
from runbook_lib.parameters import yaml_tree
from runbook_lib.parameters.load import load_parameters, parameters_from_values
from runbook_lib.parameters.model import Parameters

BACKSLASH = "a backslash is written twice"


@pytest.fixture(params=["libyaml", "PyYAML"], autouse=True)
def _either_reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "PyYAML":
        monkeypatch.setattr(yaml_tree, "_LOADER", yaml.SafeLoader)


def value_of(tmp_path: Path, text: str, name: str = "reason") -> object:
    path = tmp_path / "p.yaml"
    path.write_text(text, encoding="utf-8")
    return load_parameters([path], {}, project_root=tmp_path).given[name]


def refused(tmp_path: Path, text: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        value_of(tmp_path, text)
    return caught.value


def problems(error: UsageError) -> list[dict[str, str]]:
    found = error.values["problems"]
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize(
    ("name", "written", "seen"),
    [
        ("target_ou", r'"OU=Groups\, EMEA,DC=contoso,DC=com"', r"\,"),
        ("target_ou", r'"OU=R&D \+ Lab,DC=contoso,DC=com"', r"\+"),
        ("target_ou", r'"OU=a\=b,DC=contoso,DC=com"', r"\="),
        ("target_ou", r'"OU=\ Lead,DC=contoso,DC=com"', "a backslash before a blank"),
        ("target_ou", r'"OU=\#1,DC=contoso,DC=com"', r"\#"),
        ("target_ou", r'"OU=Caf\C3\A9,DC=contoso,DC=com"', r"\C"),
        ("protected_ous", r'["OU=a,DC=b", "OU=c\, d,DC=b"]', r"\,"),
        ("bind_user", r'"CONTOSO\svc-gwb"', r"\s"),
        ("bind_user", r'"CONTOSO\nina"', "U+000A LINE FEED"),
        ("bind_user", r'"CONTOSO\tom"', "U+0009 TAB"),
        ("bind_user", r'"CONTOSO\_svc-gwb"', "U+00A0 NO-BREAK SPACE"),
        ("bind_user", r'"CONTOSO\Peter"', "U+2029 PARAGRAPH SEPARATOR"),
        ("bind_user", r'"CONTOSO\Lena"', "U+2028 LINE SEPARATOR"),
        ("bind_user", r'"CONTOSO\Nina"', "U+0085 NEXT LINE"),
        ("bind_user", r'"CONTOSO\egon"', "U+001B ESCAPE"),
        ("bind_user", r'"CONTOSO\admin"', "U+0007 BELL"),
        ("bind_user", r'"CONTOSO\0day"', "U+0000 NUL"),
        ("bind_user", r'"CONTOSO\ulf"', r"\u"),
        ("records_dir", r'"D:\Logs\Public"', "U+2028 LINE SEPARATOR"),
        ("records_dir", r'"\\srv01\Logs"', "U+2028 LINE SEPARATOR"),
        ("records_dir", r'"\\srv01\share"', r"\s"),
        ("records_dir", r'"\\srv01\\share"', "begins with one backslash"),
        ("certificate_file", r'"C:\gwb\client.pem"', r"\g"),
        ("certificate_file", r'"C:\x64\client.pem"', r"\x"),
        ("certificate_file", r'"C:\users\client.pem"', r"\u"),
        ("reason", r'"for CONTOSO\svc"', r"\s"),
        ("reason", r'"for CONTOSO\_svc"', "U+00A0 NO-BREAK SPACE"),
        ("select_names", r'["AC\DC"]', r"\D"),
        ("acknowledge", r'[{finding: "a", by: "CONTOSO\nina", reason: "r", until: "2026-12-31"}]', "LINE FEED"),
    ],
)
def test_a_backslash_in_double_quotes_is_one_problem_with_its_way_out(
    tmp_path: Path, name: str, written: str, seen: str
) -> None:
    error = refused(tmp_path, f'change_id: "CHG1"\n{name}: {written}\n')
    (problem,) = problems(error)
    assert problem["where"] == f"{tmp_path / 'p.yaml'}:2"
    assert problem["text"].startswith(name)
    assert seen in problem["text"]
    assert BACKSLASH in problem["hint"].replace("In double quotes each is", "a backslash is")
    assert "single quotes" in problem["hint"]


@pytest.mark.parametrize(
    ("name", "written", "meant"),
    [
        ("target_ou", r"'OU=Groups\, EMEA,DC=contoso,DC=com'", r"OU=Groups\, EMEA,DC=contoso,DC=com"),
        ("target_ou", r'"OU=Groups\\, EMEA,DC=contoso,DC=com"', r"OU=Groups\, EMEA,DC=contoso,DC=com"),
        ("target_ou", r"OU=Groups\, EMEA,DC=contoso,DC=com", r"OU=Groups\, EMEA,DC=contoso,DC=com"),
        ("bind_user", r"'CONTOSO\nina'", r"CONTOSO\nina"),
        ("bind_user", r'"CONTOSO\\nina"', r"CONTOSO\nina"),
        ("records_dir", r"'\\srv01\Logs'", r"\\srv01\Logs"),
        ("records_dir", r'"\\\\srv01\\Logs"', r"\\srv01\Logs"),
        ("certificate_file", r"'C:\gwb\client.pem'", r"C:\gwb\client.pem"),
        ("reason", r'"first\n\tsecond \"quoted\" \u00e4 \xE4"', 'first\n\tsecond "quoted" ä ä'),
        ("reason", '"one \\\n  two"', "one two"),
        ("reason", '"one\\\n  \\ two"', "one two"),
        ("reason", "|\n  one\n  two\n", "one\ntwo\n"),
    ],
)
def test_backslashes_that_mean_what_they_say(tmp_path: Path, name: str, written: str, meant: str) -> None:
    assert value_of(tmp_path, f"{name}: {written}\n", name) == meant


def test_every_wrong_backslash_of_a_file_is_told_in_one_round(tmp_path: Path) -> None:
    error = refused(
        tmp_path, 'change_id: "CHG1"\ntarget_ou: "OU=a\\, b,DC=c"\nbind_user: "C\\svc"\nrecords_dir: "D:\\Logs"\n'
    )
    assert [(p["parameter"], p["where"][-2:]) for p in problems(error)] == [
        ("target_ou", ":2"),
        ("bind_user", ":3"),
        ("records_dir", ":4"),
    ]


@given(st.text(st.characters(categories=("L", "N", "P", "S")) | st.sampled_from("\\ \"'"), max_size=40))
def test_a_text_in_either_quotes_is_that_text_or_refused_and_never_another(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    folder = tmp_path_factory.mktemp("p")
    doubled = text.replace("'", "''")
    assert value_of(folder, f"reason: '{doubled}'\n") == text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    assert value_of(folder, f'reason: "{escaped}"\n') == text
    if "\\" not in text and '"' not in text:
        assert value_of(folder, f'reason: "{text}"\n') == text


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("reason: Fix issue #12\n", "ends before a #"),
        ("change_id: CHG #12\n", "ends before a #"),
        ("target_ou: OU=Team #1,DC=contoso,DC=com\n", "ends before a #"),
        ("select_names:\n  - Team #1\n", "ends before a #"),
        ("reason: #12\n", "a # without quotes begins a comment"),
        ("select_names:\n  - #general\n", "a # without quotes begins a comment"),
        ("reason: \u201cWhy\u201d\n", "U+201C LEFT DOUBLE QUOTATION MARK"),
        ("change_id: \u2018CHG1\u2019\n", "typographic quotes"),
        ("select_names: [\u201eVertrieb\u201c]\n", "typographic quotes"),
        ("reason: y\n", "YAML reads this as something else"),
        ("reason: Off\n", "YAML reads this as something else"),
        ("reason: 12:30:45\n", "YAML reads this as something else"),
        ("reason: 0o17\n", "YAML reads this as something else"),
        ("reason: 0b11\n", "YAML reads this as something else"),
        ("reason: 2026-11-30\n", "YAML reads this as something else"),
        ("reason: =\n", "YAML reads this as something else"),
        ("reason: NULL\n", "YAML reads this as something else"),
        ("select_names: [0x1F]\n", "YAML reads this as something else"),
        ("select_names: [1_000]\n", "YAML reads this as something else"),
    ],
)
def test_text_without_quotes_that_yaml_cuts_or_turns(tmp_path: Path, text: str, seen: str) -> None:
    (problem,) = problems(refused(tmp_path, text))
    assert seen in problem["text"]
    assert "quotes" in problem["hint"]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("reason: *Project\n", "begins with *"),
        ("select_names: [*Project]\n", "begins with *"),
        ("reason: &R D\n", "begins with &"),
        ("select_names:\n  - &Team one\n", "begins with &"),
        ('reason:\u00a0"x"\nmax_creates: 1\n', "NO-BREAK SPACE"),
        ("reason: \u201ca: b\u201d\n", "LEFT DOUBLE QUOTATION MARK"),
        ("select_names: [Team #1, Team 2]\n", "begin a comment"),
        ('dc_ca_file: "C:\\"\nreason: "x"\n', "before a closing quote"),
        ("reason: a\x01b\n", "U+0001 "),
        ("reason: a\x01b\n", "Take it away"),
        ('reason: "x"\0\n', "Save the file as UTF-8"),
        ('reason: "x"\u2028max_creates: 900\n', "U+2028 LINE SEPARATOR"),
        ("# a comment\u2029max_creates: 900\n", "U+2029 PARAGRAPH SEPARATOR"),
        ('reason: "x"\x85max_creates: 900\n', "U+0085 NEXT LINE"),
    ],
)
def test_files_that_are_no_yaml_say_what_stands_in_the_way(tmp_path: Path, text: str, seen: str) -> None:
    error = refused(tmp_path, text)
    assert error.code == "parameters-file-invalid"
    assert seen in f"{error.message} {error.hint}"


@pytest.mark.parametrize(
    "text",
    [
        "sign_in: secret  # until the certificate is there\n",
        "max_creates: 5 # five\n",
        'reason: "Fix issue #12"  # a comment\n',
        "reason: C#\n",
        "reason: Team#1\n",
        "select_ids:\n  - 11111111-2222-3333-4444-555555555555  # Marketing\n",
        "tenant_id: 11111111-2222-3333-4444-555555555555 # production\n",
        "# a comment\nreason: 'x'\n",
    ],
)
def test_comments_that_cut_nothing_off(tmp_path: Path, text: str) -> None:
    assert "#" not in str(value_of(tmp_path, text, text.split(":")[0].split("\n")[-1])) or "#" in text.split("  #")[0]


TEXTS = [name for name, info in Parameters.model_fields.items() if info.annotation is str]
ODD = {
    "\u00a0": "invisible-character",
    "\u2009": "invisible-character",
    "\u3000": "invisible-character",
    "\u200b": "invisible-character",
    "\u200e": "invisible-character",
    "\u2060": "invisible-character",
    "\ufeff": "invisible-character",
    "\xad": "invisible-character",
    "\x07": "control-character",
}


@pytest.mark.parametrize("name", [*TEXTS, "select_names", "disable_names", "protected_ous", "dns_servers"])
@pytest.mark.parametrize("char", ODD)
def test_what_nobody_sees_in_a_text_is_named_with_its_place(name: str, char: str) -> None:
    text = f"ab{char}c"
    value = [text] if isinstance(Parameters.model_fields[name].default, list) else text
    if name == "reason" and char != "\x07":
        assert parameters_from_values({name: value}, source="test").reason == text
        return
    with pytest.raises(UsageError) as caught:
        parameters_from_values({name: value}, source="test")
    told = [p for p in problems(caught.value) if p["parameter"].startswith(name)]
    assert [p["code"] for p in told] == [ODD[char]]
    assert (
        f"U+{ord(char):04X} {unicodedata.name(char, '').removeprefix('ZERO WIDTH NO-BREAK SPACE')}" in told[0]["text"]
    )
    assert "at character 3" in told[0]["text"]


@pytest.mark.parametrize(
    ("values", "code", "seen"),
    [
        ({"bind_user": "svc-gwb@contoso.com "}, "outer-blank", "ends with a blank"),
        ({"select_names": ["ok", " Sales"]}, "outer-blank", "item 2 begins with a blank"),
        ({"dc_host": "dc01\u2011a.contoso.com"}, "typographic-character", "U+2011 NON-BREAKING HYPHEN at character 5"),
        ({"tenant_id": "11111111\u20132222"}, "typographic-character", "U+2013 EN DASH at character 9"),
        ({"bind_user": "o\u2019brien@contoso.com"}, "typographic-character", "U+2019"),
        ({"target_ou": "OU=Cafe\u0301,DC=c"}, "decomposed-character", "U+0301 COMBINING ACUTE ACCENT at character 7"),
        ({"bind_user": "\u212bsa@c"}, "decomposed-character", "U+212B ANGSTROM SIGN at character 1"),
        ({"target_ou": "OU=a\u00a0b,DC=c"}, "invisible-character", "at character 5"),
    ],
)
def test_other_texts_that_look_like_the_right_ones(values: dict[str, object], code: str, seen: str) -> None:
    with pytest.raises(UsageError) as caught:
        parameters_from_values(values, source="test")
    (problem,) = problems(caught.value)
    assert problem["code"] == code
    assert seen in problem["text"]
    assert problem["hint"].startswith("Type it anew.")


@pytest.mark.parametrize(
    "values",
    [
        {
            "select_names": [
                "Men\u2019s Team",
                "\u201eVertrieb\u201c",
                "Cafe\u0301",
                "👩\u200d💻 Devs",
                "❤\ufe0f",
                "हिन्दी",
            ]
        },
        {"target_ou": "OU=\u201eVertrieb\u201c \u2013 S\u00fcd,DC=c", "reason": "Voil\u00e0\u00a0: \u201cx\u201d"},
        {"target_ou": r"OU=a\C2\A0b,DC=c"},
    ],
)
def test_characters_that_names_really_have(values: dict[str, object]) -> None:
    found = parameters_from_values(values, source="test").model_dump()
    assert {name: found[name] for name in values} == values


def test_a_name_that_only_looks_like_a_parameter(tmp_path: Path) -> None:
    for name in (
        "change_id\u00a0",
        "change\u200b_id",
        "\u201cchange_id\u201d",
        "chang\u00e9_id".replace("é", "e\u0301"),
    ):
        (problem,) = problems(refused(tmp_path, f'{name}: "CHG1"\n'))
        assert "U+" in problem["text"]
        assert problem["hint"] == "Did you mean change_id?"


@pytest.mark.parametrize("value", [123, 1.5, True, None])
def test_a_number_where_papermill_was_told_text_names_the_way_to_give_text(value: object) -> None:
    for values in ({"change_id": value}, {"select_names": ["a", value]}):
        with pytest.raises(UsageError) as caught:
            parameters_from_values(values, source="parameters cell")
        (problem,) = problems(caught.value)
        assert "must be text, and is" in problem["text"]
        assert "-r NAME VALUE" in problem["hint"]
        assert "(-f)" in problem["hint"]


@pytest.mark.parametrize(
    ("values", "seen", "way"),
    [
        (
            {"attest_connect_v1_off_until": date(2027, 1, 31)},
            "must be text, and is a date",
            "quotes in a parameters file",
        ),
        ({"max_creates": "5"}, "must be a whole number, and is text", "numbers, true and false with -p"),
        ({"empty_on_retire": "true"}, "must be true or false, and is text", "numbers, true and false with -p"),
        ({"select_names": "Team"}, "must be a list, and is text", "lists with -f"),
    ],
)
def test_what_papermill_turned_into_another_kind(values: dict[str, object], seen: str, way: str) -> None:
    with pytest.raises(UsageError) as caught:
        parameters_from_values(values, source="parameters cell")
    (problem,) = problems(caught.value)
    assert seen in problem["text"]
    assert way in problem["hint"]


def test_the_part_of_a_value_that_is_wrong_is_named(tmp_path: Path) -> None:
    text = 'acknowledge: [{finding: "a", by: "b", reason: "c", until: 2027-01-01}]\nselect_ids: ["x", 5]\n'
    assert [p["parameter"] for p in problems(refused(tmp_path, text))] == [
        "acknowledge, item 1, until",
        "select_ids, item 2",
    ]


def test_texts_of_the_command_line_are_told_as_from_there(tmp_path: Path) -> None:
    for name, value in (("reason", "a\x00"), ("target_ou", "OU=a"), ("graph_url", "http://x"), ("group_type", "x")):
        with pytest.raises(UsageError) as caught:
            load_parameters([], {name: value}, project_root=tmp_path)
        (problem,) = problems(caught.value)
        assert problem["where"] == "command line"
        assert problem["hint"] or name == "group_type"


@pytest.mark.parametrize("text", ["select_names:\n  - Team: A\n", "select_names: [[EU] Team]\n", "change_id: [1]\n"])
def test_text_without_quotes_that_becomes_a_list_or_mapping_says_how_to_write_it(tmp_path: Path, text: str) -> None:
    assert "in double quotes" in refused(tmp_path, text).hint
