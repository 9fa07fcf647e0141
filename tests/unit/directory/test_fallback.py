"""Two names: the second one is asked where the first cannot answer, and never where it did, or has written."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.sign_in.connect import open_directory
from runbook_lib.errors import NoAccess, Refused, RunbookError, ServiceFailed
from runbook_lib.model.directory import ControllerIdentity
from runbook_lib.model.text import t
from tests.unit.directory.embedded import PASSWORD, WRITER, Embedded, clock
from tests.unit.directory.front import start_tls_front

DEAD = "127.0.0.99"
"""Nobody listens here."""


def _open(embedded: Embedded, *, only: ControllerIdentity | None = None, **changed: Any) -> Directory:
    told = embedded.parameters(**{"dc_host": DEAD, "dc_host_fallback": "localhost", **changed})
    return open_directory(
        told, environment={"GWB_BIND_PASSWORD": PASSWORD}, clock=clock, sleep=embedded.slept.append, only=only
    )


def test_the_second_name_answers_where_nobody_listens_at_the_first(embedded: Embedded) -> None:
    with _open(embedded) as directory:
        assert directory.controller.host == "localhost"
        assert len(directory.controller.invocation_id) == 36
        embedded.hang_up()
        # Once connected it is this one: the first name is not tried again.
        assert directory.read_dn("", ("dsServiceName",)) is not None
        assert directory.renewed == 1


def test_the_first_name_is_preferred(embedded: Embedded) -> None:
    with _open(embedded, dc_host="localhost", dc_host_fallback=DEAD) as directory:
        assert directory.controller.host == "localhost"


def test_neither_answers(embedded: Embedded) -> None:
    with pytest.raises(NoAccess) as caught:
        _open(embedded, dc_host_fallback="127.0.0.98")
    assert caught.value.code == "dc-unreachable"
    assert DEAD in caught.value.message
    assert "127.0.0.98" in caught.value.message


def test_a_first_controller_that_says_it_is_unavailable_or_hangs_up(embedded: Embedded) -> None:
    with start_tls_front(embedded.port) as front:
        front.result = None  # the connection is closed instead of an answer
        told: dict[str, Any] = {
            "dc_host": "127.0.0.1",
            "dc_port": front.port,
            "dc_security": "starttls",
            "dc_host_fallback": "localhost",
        }
        with pytest.raises(NoAccess) as caught:
            _open(embedded, **told)
        assert caught.value.code == "dc-unreachable"
        assert len(front.clear) == 2


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, embedded: Embedded) -> list[str]:
    """Host names that were looked up; both lead to the embedded directory."""
    names: list[str] = []
    real: Callable[..., Any] = socket.getaddrinfo

    def lookup(host: str, *arguments: Any, **named: Any) -> Any:
        names.append(host)
        return real("127.0.0.1", *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return names


def _refused(embedded: Embedded, **changed: Any) -> RunbookError:
    with pytest.raises(RunbookError) as caught:
        _open(embedded, **changed)
    return caught.value


def test_an_answer_is_an_answer(embedded: Embedded, asked: list[str]) -> None:
    """A wrong password counts towards a lockout on every controller; a certificate that is wrong is not luck."""
    two: dict[str, Any] = {"dc_host": "localhost", "dc_host_fallback": "127.0.0.1"}
    embedded.store.set_password(WRITER, "another")
    assert _refused(embedded, **two).code == "bind-refused"
    embedded.store.set_password(WRITER, PASSWORD)
    assert _refused(embedded, dc_host="dc9.contoso.com", dc_host_fallback="localhost").code == "dc-certificate"
    assert _refused(embedded, dc_ca_file="", **two).code == "dc-certificate"
    with start_tls_front(embedded.port) as front:
        front.result = 52
        assert _refused(embedded, dc_port=front.port, dc_security="starttls", **two).code == "start-tls-refused"
        assert len(front.clear) == 1
    assert "127.0.0.1" not in asked


def test_a_read_only_controller_is_not_passed_over(
    embedded: Embedded, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*_arguments: object, **_named: object) -> None:
        raise Refused(t("read-only"), code="read-only-dc")

    monkeypatch.setattr("runbook_lib.directory.sign_in.connect.read_controller", read_only)
    assert _refused(embedded, dc_host="localhost", dc_host_fallback="127.0.0.1").code == "read-only-dc"
    assert "127.0.0.1" not in asked


def test_after_the_first_write_only_its_controller_will_do(embedded: Embedded) -> None:
    with _open(embedded) as directory:
        identity = directory.controller.identity
    with _open(embedded, only=identity, dc_host="LOCALHOST", dc_host_fallback=DEAD) as directory:
        assert directory.controller.identity == replace(identity, host="LOCALHOST")
    gone = replace(identity, host=DEAD)
    with pytest.raises(NoAccess) as caught:
        _open(embedded, only=gone)
    assert caught.value.code == "dc-unreachable"
    for other in (
        replace(identity, invocation_id="0" * 36),
        replace(identity, ds_service_name="CN=NTDS Settings,CN=X"),
    ):
        with pytest.raises(ServiceFailed) as changed:
            _open(embedded, only=other)
        assert changed.value.code == "controller-changed"


def test_sockets_of_the_first_are_closed(embedded: Embedded) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(NoAccess):
        _open(embedded, dc_port=port)
