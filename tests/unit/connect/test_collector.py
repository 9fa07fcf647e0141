"""The collector reads, and nothing else: parsed with PowerShell's grammar, since no Windows is here to run it."""

from __future__ import annotations

import re
from importlib import resources

import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

from runbook_lib.connect.document import COLLECTED_PARTS, PART_ON_REQUEST, CollectedDocument
from runbook_lib.connect.evidence import collector_script, collector_sha256

PARSER = Parser(Language(tree_sitter_powershell.language()))
SCRIPT = resources.files("runbook_lib.connect").joinpath("collector.ps1").read_text(encoding="utf-8")
READING = {
    "Add-Part",
    "ConvertTo-Json",
    "ForEach-Object",
    "Get-ADSyncAADCompanyFeature",
    "Get-ADSyncConnector",
    "Get-ADSyncConnectorStatistics",
    "Get-ADSyncGlobalSettings",
    "Get-ADSyncRule",
    "Get-ADSyncRunProfileResult",
    "Get-ADSyncRunStepResult",
    "Get-ADSyncScheduler",
    "Get-ChildItem",
    "Get-FileHash",
    "Get-Item",
    "Get-Location",
    "Get-Module",
    "Get-Moment",
    "Get-WinEvent",
    "Get-Words",
    "Import-Module",
    "Join-Path",
    "New-Object",
    "Out-Null",
    "Select-Object",
    "Sort-Object",
    "Test-Path",
    "Where-Object",
    "Write-Output",
}
"""Every command that it may call: none of them changes anything on a server."""


def nodes(node: Node) -> list[Node]:
    return [node, *(found for child in node.children for found in nodes(child))]


def test_it_is_powershell_and_calls_nothing_that_changes() -> None:
    root = PARSER.parse(SCRIPT.encode()).root_node
    assert not root.has_error
    called = {node.text.decode() for node in nodes(root) if node.type == "command_name" and node.text}
    assert {name for name in called if "-" in name} == READING
    assert called - READING <= {"$Read", "$tool"}, "what else is called is the part's own block, and csexport"


def test_it_writes_one_file() -> None:
    """Of its own; what csexport writes is removed whatever happens, and only on request."""
    assert len(re.findall(r"::Write\w+\(", SCRIPT)) == 1
    asked = SCRIPT.index("if ($PendingExports) {")
    assert SCRIPT.index("csexport.exe'") > asked
    assert re.findall(r"& \$tool[^\n]*", SCRIPT) == ["& $tool $connector.Name $file '/f:x' | Out-Null"]
    assert re.search(r"finally \{\s+\[System\.IO\.File\]::Delete\(\$file\)", SCRIPT)
    assert not re.search(
        r"(?i)out-file|set-content|add-content|>\s*\$|tee-object|new-item|(?<!unapplied-)export-", SCRIPT
    )


def test_it_reads_no_secret() -> None:
    assert re.findall(r"ConnectivityParameters\['([^']+)'\]", SCRIPT) == [
        "forest-login-domain",
        "forest-login-user",
        "forest-name",
    ]
    assert not re.search(r"(?i)password'|credential'|\.key\b|secret'", SCRIPT)


def test_it_runs_on_windows_powershell_5_1() -> None:
    """No operator of PowerShell 7: ``??``, ``?.``, ``&&`` and the ternary."""
    assert not re.search(r"\?\?|\?\.|&&|\|\|", SCRIPT)
    assert "#Requires -Version 5.1" in SCRIPT


def test_every_part_of_the_format_is_read_by_it() -> None:
    assert re.findall(r"Add-Part -Name '(\w+)'", SCRIPT) == [*COLLECTED_PARTS, PART_ON_REQUEST]
    assert f"$evidence['{PART_ON_REQUEST}'] = $null" in SCRIPT
    others = set(CollectedDocument.model_fields) - {*COLLECTED_PARTS, PART_ON_REQUEST}
    assert others == {"collected", "server", "collected_by", "script_sha256", "unread"}
    assert all(name in SCRIPT for name in others)


def test_lists_are_asked_for_as_lists() -> None:
    """A part that is a list would come as an object where it holds one thing only."""
    lists = set(re.findall(r"Add-Part -Name '(\w+)' -List", SCRIPT))
    assert lists == {
        name
        for name in (*COLLECTED_PARTS, PART_ON_REQUEST)
        if "tuple" in str(CollectedDocument.model_fields[name].annotation)
    }


def test_written_out_it_is_what_windows_powershell_reads_right() -> None:
    script = collector_script()
    assert script.startswith(b"\xef\xbb\xbf<#")
    assert b"\n" not in script.replace(b"\r\n", b"")
    assert len(collector_sha256()) == 64
