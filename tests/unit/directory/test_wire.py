"""What servers rarely do: ignore paging, break a range off, send referrals, hit a limit."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from ldap3.core.exceptions import LDAPSocketReceiveError

from rehearsal.directory.messages import SEARCH_DONE, result, search_entry, write_message
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.errors import DirectoryUnavailable
from runbook_lib.directory.reconnect import ControllerPatience
from runbook_lib.directory.search import ANY_OBJECT, Entry
from runbook_lib.directory.wire import PAGED_RESULTS
from runbook_lib.errors import RunbookError, ServiceFailed
from tests.unit.directory.embedded import clock

_NUMBER = 70_000
_END = write_message(_NUMBER, result(SEARCH_DONE, 0))
Answer = tuple[dict[str, Any], list[dict[str, Any]]]


def _entry(name: str, **attributes: list[bytes]) -> dict[str, Any]:
    return {"type": "searchResEntry", "entry": Entry(name, {k.replace("__", ";"): v for k, v in attributes.items()})}


def _bytes(entry: Entry) -> bytes:
    return write_message(_NUMBER, search_entry(entry.dn, [(name, list(v)) for name, v in entry.attributes.items()]))


def _done(code: int = 0, cookie: bytes | None = b"") -> dict[str, Any]:
    controls = {} if cookie is None else {"controls": {PAGED_RESULTS: {"value": {"size": 0, "cookie": cookie}}}}
    return {"result": code, "description": "x", "message": "", **controls}


class _Connection:
    """Answers searches from a list."""

    def __init__(self, answers: list[Answer | Exception]) -> None:
        self.answers = answers
        self.asked: list[dict[str, Any]] = []
        self.closed = False
        self.receive_timeout = 5
        self.arrived = b""
        self.socket = SimpleNamespace(recv=lambda _: self.arrived)
        self.strategy = SimpleNamespace()

    def send(self) -> int:
        return _NUMBER

    def search(self, base: str, filter_: str, **named: Any) -> tuple[bool, dict[str, Any], list[dict[str, Any]], None]:
        self.asked.append({"base": base, "filter": filter_, **named})
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        self.send()
        self.arrived = b"".join(_bytes(one["entry"]) for one in answer[1] if "entry" in one) + _END
        assert self.strategy.receiving() == [_END]
        return True, answer[0], [one for one in answer[1] if "entry" not in one], None

    def unbind(self) -> None:
        self.closed = True


def _search(*answers: Answer | Exception) -> tuple[_Connection, Callable[[], list[Entry]]]:
    connection = _Connection(list(answers))
    directory = Directory(connection, opened=clock(), patience=ControllerPatience(pauses=()))
    return connection, lambda: list(directory.search("DC=x", ANY_OBJECT, ("cn", "member")))


def test_cookies_are_followed_and_the_control_is_critical() -> None:
    connection, search = _search(
        (_done(cookie=b"1"), [_entry("CN=a")]), (_done(cookie=b"2"), []), (_done(), [_entry("CN=b")])
    )
    assert [entry.dn for entry in search()] == ["CN=a", "CN=b"]
    assert [asked["paged_cookie"] for asked in connection.asked] == [None, b"1", b"2"]
    assert all(asked["paged_criticality"] is True for asked in connection.asked)


def test_referrals_are_skipped() -> None:
    _, search = _search((_done(), [{"type": "searchResRef", "uri": ["ldap://other"]}, _entry("CN=a")]))
    assert [entry.dn for entry in search()] == ["CN=a"]


@pytest.mark.parametrize("code", [3, 4, 11, 51, 1])
def test_an_answer_that_does_not_end_well_is_an_error(code: int) -> None:
    _, search = _search((_done(code), [_entry("CN=a")]))
    with pytest.raises(RunbookError):
        search()


def test_a_limit_on_the_second_page_is_an_error() -> None:
    _, search = _search((_done(cookie=b"1"), [_entry("CN=a")]), (_done(4), [_entry("CN=b")]))
    with pytest.raises(ServiceFailed) as caught:
        search()
    assert caught.value.code == "incomplete-read"


def test_a_server_that_ignores_paging_proves_nothing() -> None:
    _, search = _search((_done(cookie=None), [_entry("CN=a")]))
    with pytest.raises(ServiceFailed) as caught:
        search()
    assert caught.value.code == "incomplete-read"


def test_ranges_replace_the_empty_attribute_beside_them() -> None:
    connection, search = _search(
        (_done(), [_entry("CN=a", member=[], **{"member;range=0-1": [b"1", b"2"]})]),
        (_done(cookie=None), [_entry("CN=a", **{"member;range=2-3": [b"3", b"4"]})]),
        (_done(cookie=None), [_entry("CN=a", **{"member;range=4-*": [b"5"]})]),
    )
    assert search()[0].texts("MEMBER") == ("1", "2", "3", "4", "5")
    assert [asked["attributes"] for asked in connection.asked[1:]] == [["member;range=2-*"], ["member;range=4-*"]]


@pytest.mark.parametrize(
    "second",
    [
        [],
        [_entry("CN=a")],
        [_entry("CN=a", **{"member;range=3-*": [b"4"]})],
        [_entry("CN=a", **{"memberof;range=2-*": [b"3"]})],
    ],
)
def test_a_range_that_breaks_off_is_an_error(second: list[dict[str, Any]]) -> None:
    _, search = _search((_done(), [_entry("CN=a", **{"member;range=0-1": [b"1", b"2"]})]), (_done(cookie=None), second))
    with pytest.raises(ServiceFailed) as caught:
        search()
    assert caught.value.code == "incomplete-read"


def test_a_lost_connection_is_closed_and_stays_lost() -> None:
    connection, search = _search((_done(cookie=b"1"), [_entry("CN=a")]), LDAPSocketReceiveError("gone"))
    with pytest.raises(DirectoryUnavailable):
        search()
    assert connection.closed
    with pytest.raises(DirectoryUnavailable):
        search()
    assert len(connection.asked) == 2


def test_an_interrupted_request_closes_the_connection() -> None:
    """Its answer may still come: the next request on the same socket would take it for its own."""
    connection = _Connection([])
    connection.search = lambda *_a, **_n: (_ for _ in ()).throw(KeyboardInterrupt)  # type: ignore[method-assign]
    directory = Directory(connection, opened=clock())
    with pytest.raises(KeyboardInterrupt):
        directory.read_dn("DC=x", ("cn",))
    assert connection.closed
