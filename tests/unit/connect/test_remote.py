"""The collector over PowerShell remoting, as far as no Windows is needed: a shell that answers, and pypsrp's calls."""

from __future__ import annotations

import base64
import re
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path

import pytest
import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

from rehearsal.certificates import server_context, write_private
from runbook_lib.connect.evidence import LARGEST_EVIDENCE, collector_script
from runbook_lib.connect.remote import collect_remotely
from runbook_lib.errors import NoAccess, RunbookError, ServiceFailed, UsageError
from runbook_lib.secrets.sources import Secret
from runbook_lib.winrm import WINRM_PORT, RemoteAnswer, WinRMServer, winrm_shell
from tests.support.certificates import shared_certificates
from tests.support.connect_evidence import evidence, file_of
from tests.support.psrp import FakePsrp

SCRIPT = resources.files("runbook_lib.connect").joinpath("collect-remotely.ps1").read_text(encoding="utf-8")
PASSWORD = "correct horse 9"


class Shell:
    """A session that answers what it is told to."""

    server = "connect01.contoso.com"

    def __init__(self, *output: str, errors: Sequence[str] = ()) -> None:
        self.answer = RemoteAnswer(output, errors)
        self.asked: list[tuple[str, Mapping[str, str]]] = []

    def run(self, script: str, parameters: Mapping[str, str]) -> RemoteAnswer:
        self.asked.append((script, parameters))
        return self.answer


def coded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def test_the_same_collector_runs_and_the_same_file_comes_back() -> None:
    shell = Shell(coded(file_of(evidence())))
    read = collect_remotely(shell)
    assert read.file == file_of(evidence())
    assert read.collector_known
    ((script, parameters),) = shell.asked
    assert script == SCRIPT
    assert base64.b64decode(parameters["Collector"]) == collector_script()


BAD: dict[str, tuple[Shell, str, str]] = {
    "an error": (Shell(errors=["ADSync is not here.\u202e"]), "connect-collector-failed", "ADSync is not here."),
    "no output": (Shell(), "connect-collector-failed", "it handed back 0 texts instead of one"),
    "two outputs": (Shell("a", "b"), "connect-collector-failed", "it handed back 2 texts instead of one"),
    "no base64": (Shell("VERSION: 5"), "connect-collector-failed", "what it handed back is not its file"),
    "too much": (
        Shell("A" * (LARGEST_EVIDENCE // 3 * 4 + 8)),
        "connect-collector-failed",
        "more than 33,554,432 bytes",
    ),
    "another file": (Shell(coded(b"{}")), "connect-evidence-damaged", "it does not begin as the collector begins"),
    "an edited file": (
        Shell(coded(file_of(evidence()).replace(b"CONNECT01", b"CONNECT02"))),
        "connect-evidence-edited",
        "was changed after the collector wrote it",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_the_collectors_file_is_one_clear_error(name: str) -> None:
    shell, code, words = BAD[name]
    with pytest.raises(RunbookError) as raised:
        collect_remotely(shell)
    assert raised.value.code == code
    assert words in raised.value.message
    assert raised.value.message.isprintable()


def nodes(node: Node) -> list[Node]:
    return [node, *(found for child in node.children for found in nodes(child))]


def test_the_script_around_it_is_powershell_runs_one_program_and_cleans_up() -> None:
    root = Parser(Language(tree_sitter_powershell.language())).parse(SCRIPT.encode()).root_node
    assert not root.has_error
    called = {node.text.decode() for node in nodes(root) if node.type == "command_name" and node.text}
    assert called == {"Join-Path", "powershell.exe", "Out-String"}
    assert re.search(r"\} finally \{\s+\[System\.IO\.Directory\]::Delete\(\$folder, \$true\)\s+\}\s*$", SCRIPT)
    assert not re.search(r"\?\?|\?\.|&&|\|\|", SCRIPT), "it runs in Windows PowerShell 5.1"
    assert re.findall(r"::(\w+)\(", SCRIPT).count("WriteAllBytes") == 1, "the collector, in its own folder"


@pytest.fixture
def psrp(monkeypatch: pytest.MonkeyPatch) -> FakePsrp:
    fake = FakePsrp()
    fake.output = [coded(file_of(evidence()))]
    for name, module in fake.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    return fake


def test_it_always_speaks_tls_and_checks_the_certificate(psrp: FakePsrp) -> None:
    with winrm_shell(WinRMServer("connect01.contoso.com")) as shell:
        assert collect_remotely(shell).evidence.server == "CONNECT01"
    assert (psrp.opened["ssl"], psrp.opened["cert_validation"]) == (True, True)
    assert (psrp.opened["server"], psrp.opened["port"]) == ("connect01.contoso.com", WINRM_PORT)
    assert (psrp.opened["auth"], psrp.opened["username"], psrp.opened["password"]) == ("kerberos", None, None)
    assert psrp.opened["no_proxy"]
    assert psrp.closed == 2
    with winrm_shell(WinRMServer("c1", 5999, "CONTOSO\\ops", "ca.pem"), Secret(PASSWORD)):
        pass
    assert (psrp.opened["cert_validation"], psrp.opened["port"]) == ("ca.pem", 5999)
    assert (psrp.opened["auth"], psrp.opened["password"]) == ("kerberos", PASSWORD)


def test_ntlm_signs_in_where_it_is_asked_for_and_never_for_a_ticket(psrp: FakePsrp) -> None:
    asked = [(user, ntlm) for user in ("", "CONTOSO\\ops") for ntlm in (False, True)]
    ways = []
    for user, ntlm in asked:
        with winrm_shell(WinRMServer("c1", user=user, ntlm=ntlm), Secret(PASSWORD) if user else None):
            ways.append(psrp.opened["auth"])
    assert ways == ["kerberos", "kerberos", "kerberos", "negotiate"]


def test_errors_of_the_script_are_told_without_the_password(psrp: FakePsrp) -> None:
    psrp.errors, psrp.output = [f"Access denied for {PASSWORD}"], []
    with winrm_shell(WinRMServer("c1", user="ops"), Secret(PASSWORD)) as shell, pytest.raises(ServiceFailed) as raised:
        collect_remotely(shell)
    assert "Access denied for [redacted]" in raised.value.message
    assert PASSWORD not in repr(raised.value.values)


@pytest.mark.parametrize(
    ("kind", "expected", "code"),
    [
        ("authentication", NoAccess, "winrm-sign-in"),
        ("spnego", NoAccess, "winrm-sign-in"),
        ("winrm", ServiceFailed, "winrm-unanswered"),
        ("os", ServiceFailed, "winrm-unanswered"),
    ],
)
def test_what_goes_wrong_on_the_way_is_one_error_each(
    psrp: FakePsrp, kind: str, expected: type[RunbookError], code: str
) -> None:
    kinds: dict[str, type[Exception]] = {
        "authentication": psrp.authentication,
        "spnego": psrp.spnego,
        "winrm": psrp.winrm,
        "os": ConnectionResetError,
    }
    psrp.fails = kinds[kind](f"went wrong with {PASSWORD}")
    with winrm_shell(WinRMServer("c1", user="ops"), Secret(PASSWORD)) as shell, pytest.raises(expected) as raised:
        collect_remotely(shell)
    assert raised.value.code == code
    assert PASSWORD not in raised.value.message + raised.value.hint


def test_without_the_extra_it_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypsrp", None)
    monkeypatch.setitem(sys.modules, "pypsrp.wsman", None)
    with pytest.raises(UsageError) as raised, winrm_shell(WinRMServer("c1")):
        pass
    assert raised.value.code == "winrm-not-installed"
    assert "requirements-winrm.lock" in raised.value.hint
    assert "gwb connect collector" in raised.value.hint


@pytest.fixture
def refusing(tmp_path: Path) -> Iterator[tuple[WinRMServer, list[str]]]:
    """A server on loopback that speaks TLS and refuses every sign-in, and what it was asked."""
    pytest.importorskip("pypsrp", reason="the extra [winrm] is not installed")
    certificates, asked = shared_certificates(), list[str]()
    write_private(tmp_path / "server.pem", certificates.server_pem)
    (tmp_path / "ca.pem").write_bytes(certificates.ca_pem)

    class Refusing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked.append(self.path)
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Say nothing: a client that does not trust it hangs up."""

    server = Server(("127.0.0.1", 0), Refusing)
    # The handshake belongs to the thread of its connection, which closes what fails.
    context = server_context(tmp_path / "server.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield WinRMServer("127.0.0.1", server.server_address[1], "ops", str(tmp_path / "ca.pem")), asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_real_client_refuses_a_certificate_that_it_does_not_trust(
    refusing: tuple[WinRMServer, list[str]],
) -> None:
    """Windows alone can answer; whom the client trusts shows without it."""
    server, asked = refusing
    unknown = replace(server, ca_file="")
    with winrm_shell(unknown, Secret(PASSWORD)) as shell, pytest.raises(ServiceFailed) as raised:
        collect_remotely(shell)
    assert raised.value.code == "winrm-unanswered"
    assert "CERTIFICATE_VERIFY_FAILED" in raised.value.message
    assert asked == []


def test_the_real_client_says_that_the_sign_in_was_refused(refusing: tuple[WinRMServer, list[str]]) -> None:
    server, asked = refusing
    with winrm_shell(server, Secret(PASSWORD)) as shell, pytest.raises(NoAccess) as raised:
        collect_remotely(shell)
    assert raised.value.code == "winrm-sign-in"
    assert asked == ["/wsman"]
    assert PASSWORD not in raised.value.message
