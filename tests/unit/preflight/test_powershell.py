"""No value becomes PowerShell syntax: read back with PowerShell's own quoting rule, and parsed with a grammar."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import tree_sitter_powershell
from hypothesis import example, given
from hypothesis import strategies as st
from tree_sitter import Language, Node, Parser

import runbook_lib
from runbook_lib.directory.rights.constants import AccessMask
from runbook_lib.directory.rights.needs import AllowEntry
from runbook_lib.model.dn import rdn, same_dn
from runbook_lib.preflight.hand_off import DNS_CONSOLE, KINDS
from runbook_lib.preflight.hand_off.templates import QUOTES, dsacls_lines, in_comment, quoted
from tests.support import hostile
from tests.unit.preflight.hand_off_cases import hand_off, texts

PARSER = Parser(Language(tree_sitter_powershell.language()))
HOSTILE_TEXT = hostile.anything(max_size=16)


def value_of(expression: str) -> str:
    """What PowerShell makes of the expression: an own reader of single-quoted strings, [char] and +."""
    text = expression
    if text.startswith("("):
        assert text.endswith(")")
        text = text[1:-1]
    found, position = [], 0
    while position < len(text):
        if (code := re.compile(r"\[char\]0x([0-9A-F]{4})(?= \+|$)").match(text, position)) or (
            code := re.compile(r"\[char\]::ConvertFromUtf32\(0x([0-9A-F]+)\)").match(text, position)
        ):
            found.append(chr(int(code[1], 16)))
            position = code.end()
        else:
            assert text[position] == "'"
            position += 1
            while True:
                char = text[position]
                if char in QUOTES:
                    # Any of the five quotation marks ends the string, unless another one follows.
                    if text[position + 1 : position + 2] and text[position + 1] in QUOTES:
                        found.append(char)
                        position += 2
                        continue
                    position += 1
                    break
                found.append(char)
                position += 1
        if position < len(text):
            assert text[position : position + 3] == " + "
            position += 3
    return "".join(found)


def parsed(script: str) -> Node:
    root = PARSER.parse(script.encode("utf-8")).root_node
    assert not root.has_error, script
    return root


def commands(node: Node) -> list[str]:
    """Names of every command in a tree."""
    names = [node.text.decode()] if node.type == "command_name" and node.text else []
    return names + [name for child in node.children for name in commands(child)]


@given(HOSTILE_TEXT)
@example("'")
@example("\u2018'")
@example("a\n\U0001f600b")
def test_a_quoted_value_is_read_back_whole(text: str) -> None:
    assert value_of(quoted(text)) == text


@given(HOSTILE_TEXT, HOSTILE_TEXT)
def test_a_quoted_value_is_one_argument_on_one_line(first: str, second: str) -> None:
    script = f"Set-Thing -Name {quoted(first)} -Other @({quoted([second, first])})"
    assert script.isprintable()
    root = parsed(script)
    assert commands(root) == ["Set-Thing"]


@given(HOSTILE_TEXT)
def test_a_comment_is_a_comment(text: str) -> None:
    assert commands(parsed(f"# {in_comment(text)}\nGet-Thing\n")) == ["Get-Thing"]


@hostile.each()
def test_hostile_values(text: str) -> None:
    assert value_of(quoted(text)) == text
    assert commands(parsed(f"Get-Thing {quoted(text)}")) == ["Get-Thing"]


@hostile.each(whole_unicode=True, empty=False)
def test_a_dsacls_line_names_the_very_object(text: str) -> None:
    dn = f"{rdn('OU', text)},DC=contoso,DC=com"
    (line,) = dsacls_lines([AllowEntry(dn, AccessMask.CREATE_CHILD, "group")], "CONTOSO\\svc-gwb")
    assert commands(parsed(line)) == ["dsacls"]
    argument = value_of(line.removeprefix("dsacls ").rpartition(" /G ")[0])
    assert same_dn(argument, dn)
    # Older releases of PowerShell lose quotation marks on the way to a program.
    assert '"' not in argument


ANY_GRANT = st.builds(
    lambda dn, mask, on_groups: AllowEntry(dn, mask, on_groups=on_groups, take_ownership=dn == "CN=Deleted"),
    st.sampled_from(["CN=Deleted", "OU=x"]),
    st.sampled_from([AccessMask.DELETE, AccessMask.LIST_CONTENTS]),
    st.booleans(),
)


@given(st.lists(ANY_GRANT, max_size=6))
def test_no_line_of_dsacls_stands_twice(grants: list[AllowEntry]) -> None:
    one_by_one = [line for grant in grants for line in dsacls_lines([grant], "X")]
    assert dsacls_lines(grants, "X") == tuple(dict.fromkeys(one_by_one))


def test_plain_values_stay_readable() -> None:
    assert quoted("Outbound to Office 365") == "'Outbound to Office 365'"
    assert quoted("O'Brien") == "'O''Brien'"
    assert quoted("Côte d\u2019Azur") == "'Côte d\u2019\u2019Azur'"
    assert quoted("\n") == "('' + [char]0x000A)"


COMMANDS = {
    "accepted-domain": ["Get-AcceptedDomain", "Format-Table", "New-AcceptedDomain"],
    "relay-type": ["Get-AcceptedDomain", "Format-List", "Set-AcceptedDomain"],
    "address-spaces": ["Get-SendConnector", "ForEach-Object", "Where-Object", "Format-List", "Set-SendConnector"],
    "send-connector": ["New-SendConnector"],
    "address-book": ["Update-Recipient"],
    "mail-contact": [
        *["Get-UnifiedGroup", "Format-List", "Set-UnifiedGroup"] * 2,
        *["Get-Recipient", "Format-List", "New-MailContact"] * 2,
        *["Set-MailContact", "Set-MailContact"] * 2,
    ],
    "remove-mail-contact": ["Get-MailContact", "Format-List", "Remove-MailContact"] * 2,
    "group-address-policy": ["Get-EmailAddressPolicy", "Format-Table", "New-EmailAddressPolicy"],
    "test-mail": ["Get-MessageTrackingLog", "Format-Table"],
    "mx": [],
    "autodiscover": [],
    "connect-server": [
        "Get-Item",
        "Import-Module",
        "Get-ADSyncScheduler",
        "Format-List",
        "Get-ADSyncAADCompanyFeature",
        "Format-List",
        "Get-ADSyncGlobalSettings",
        "Where-Object",
        "Where-Object",
        "Format-Table",
        "Get-ADSyncConnector",
        "Where-Object",
        "ForEach-Object",
        "Get-ADSyncRule",
        "Where-Object",
        "Format-Table",
    ],
    "cloud-sync-agent": ["Get-Item", "Get-Service", "Format-List"],
    "group-dn": ["Import-Module", "Set-ADGroup", "Get-ADSyncScheduler", "Format-List", "Start-ADSyncSyncCycle"],
    "sync-cycle": ["Get-ADSyncScheduler", "Format-List", "Start-ADSyncSyncCycle"],
    "connector-rights": [
        *("ForEach-Object", "Join-Path", "Import-Module", "Where-Object", "Test-Path", "Select-Object"),
        "Set-ADSyncUnifiedGroupWritebackPermissions",
    ],
    "delta-cycle": [
        *("Import-Module", "Get-ADSyncScheduler", "Format-List", "Get-ADSyncConnectorRunStatus"),
        *("Start-ADSyncSyncCycle", "Get-ADSyncConnectorRunStatus"),
    ],
    "choose-groups": [
        *("Import-Module", "Get-ADSyncScheduler", "Format-List", "Start-ADSyncSyncCycle"),
        "Get-ADSyncConnectorRunStatus",
    ],
    "rights": ["dsacls"] * 6,
}


@pytest.mark.parametrize("kind", sorted(COMMANDS))
@pytest.mark.parametrize(
    "text",
    [
        *hostile.of(
            "powershell", "dn", "markup", "formula", "characters", "invisible", "direction", "data", "terminal"
        ),
        "contoso.com",
    ],
)
def test_every_hand_off_is_the_commands_it_means_and_no_other(kind: str, text: str) -> None:
    for offer in texts(hand_off(kind, text)):
        assert all(line.isprintable() for line in offer.text.splitlines())
        if offer.where == DNS_CONSOLE:
            assert text == "contoso.com", "a name that no zone can hold gets no line"
        else:
            assert commands(parsed(offer.text)) == COMMANDS[kind]
    assert set(COMMANDS) == {one.kind for one in KINDS}


def test_dns_lines() -> None:
    (one,) = texts(hand_off("mx", "a.b-c.example"))
    assert one.text.splitlines()[-1] == "a.b-c.example. 3600 IN MX 0 a-b-c-example.mail.protection.outlook.com."
    (two,) = texts(hand_off("autodiscover", "a.example"))
    assert two.text == "autodiscover.a.example. 3600 IN CNAME autodiscover.outlook.com.\n"


READING_VERBS = ("Get", "Format", "Where", "ForEach", "Import", "Select", "Test", "Join")
WITHOUT_WHAT_IF = {
    # A program of Windows, not a cmdlet ("Dsacls", Windows commands).
    "dsacls": ("/G", "/takeownership"),
    # Its syntax names no such switch ("Microsoft Entra Connect: ADSync PowerShell Reference").
    "Start-ADSyncSyncCycle": ("-PolicyType",),
}
"""What has no such switch and why, and the arguments by which it changes something."""


def nodes(node: Node, kind: str) -> list[Node]:
    found = [node] if node.type == kind else []
    return found + [one for child in node.children for one in nodes(child, kind)]


def words(node: Node) -> list[str]:
    """Name, switches and arguments of a command that belong to it and to no command inside it."""
    elements = [
        one for child in node.children for one in ([child] if child.type != "command_elements" else child.children)
    ]
    return [word for one in elements if one.text and (word := one.text.decode().strip())]


def changes(command: list[str]) -> bool:
    """Whether a command changes something: a cmdlet by its verb, a program by its arguments."""
    name = command[0]
    if name in WITHOUT_WHAT_IF:
        return any(switch in command for switch in WITHOUT_WHAT_IF[name])
    return name.partition("-")[0] not in READING_VERBS


@pytest.mark.parametrize("kind", sorted(COMMANDS))
@pytest.mark.parametrize("text", ["x.example", *hostile.of("powershell")])
def test_every_command_that_changes_something_shows_first_what_it_would_do(kind: str, text: str) -> None:
    for offer in texts(hand_off(kind, text)):
        if offer.where == DNS_CONSOLE:
            continue
        found = [words(command) for command in nodes(parsed(offer.text), "command")]
        changing = [command for command in found if changes(command)]
        for command in changing:
            if command[0] in WITHOUT_WHAT_IF:
                assert f"{command[0]} has no -WhatIf" in offer.text
                looks = {"Start-ADSyncSyncCycle": ["Get-ADSyncScheduler"]}.get(command[0], [command[0], command[1]])
                assert looks in found[: found.index(command)], "it is looked at before"
            else:
                assert "-WhatIf" in command, command
        assert bool(changing) is (kind not in ("connect-server", "cloud-sync-agent", "test-mail"))
        if changing and changing[0][0] not in WITHOUT_WHAT_IF:
            assert "without -WhatIf do" in offer.text


TEMPLATES = sorted(Path(runbook_lib.__file__).parent.rglob("*.ps1.j2"))
"""Whoever renders them: the hand-offs of the pre-flight, those of plans, and parts of either."""


def template_commands(path: Path) -> list[list[str]]:
    """Commands of a template in their order, with a value wherever one goes, and every branch taken."""
    text = re.sub(r"\{#.*?#\}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    text = re.sub(r"\{%.*?%\}", "", re.sub(r"\{\{.*?\}\}", "'x'", text, flags=re.DOTALL), flags=re.DOTALL)
    return [words(command) for command in nodes(parsed(text), "command")]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_a_line_that_changes_something_at_once(path: Path) -> None:
    changing = [command for command in template_commands(path) if changes(command)]
    at_once = [command for command in changing if "-WhatIf" not in command and command[0] not in WITHOUT_WHAT_IF]
    assert not at_once, f"{path.name}: -WhatIf is missing, or WITHOUT_WHAT_IF has no reason for it"
    if len({command[0] for command in changing}) > 1:
        steps = re.findall(r"^# ([1-9])\. ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert steps == [str(number) for number in range(1, len(steps) + 1)], path.name
        assert len(steps) > 1, f"{path.name}: its lines depend on each other; number them"


def test_the_templates_are_found_and_a_changing_line_is_seen(tmp_path: Path) -> None:
    assert len(TEMPLATES) >= len({kind.template for kind in KINDS if kind.template.endswith(".ps1.j2")})
    template = tmp_path / "a.ps1.j2"
    template.write_text(
        "{# Set-X #}\n{% for one in all %}\nSet-X -Identity {{ one | quoted }}\n{% endfor %}\n", encoding="utf-8"
    )
    assert [changes(command) for command in template_commands(template)] == [True]


def test_reading_and_changing_are_told_apart() -> None:
    def first(line: str) -> list[str]:
        return words(nodes(parsed(line), "command")[0])

    assert [changes(first(line)) for line in ("Get-X -Name 'a'", "dsacls 'CN=a'")] == [False, False]
    assert all(changes(first(line)) for line in ("Set-X", "Remove-X -Id 'Get-X'", "Enable-X", "dsacls 'a' /I:S /G 'b'"))
    assert "-WhatIf" not in first("Set-X -Name '-WhatIf'"), "an argument is no switch"
    assert "-WhatIf" in first("Set-X @{a = 1} -WhatIf")


def test_the_connect_server_is_asked_for_staging_and_a_suspended_schedule_too() -> None:
    (offer,) = texts(hand_off("connect-server", ""))
    for pattern in ("*GroupWriteBack*", "*ExportDeletionThreshold*", "*StagingMode*", "*SchedulerSuspended*"):
        assert f"'{pattern}'" in offer.text
    assert "Connector.GroupWriteBackContainerDn" in offer.text
