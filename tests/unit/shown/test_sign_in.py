"""A device code in a notebook: readable, escaped, and gone when sign-in has ended."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from runbook_lib.graph.sign_in.device_code import DeviceCode
from runbook_lib.notebook import front_end as sign_in
from runbook_lib.notebook.front_end import NotebookPrompt, TerminalNotice, prompt_for
from runbook_lib.shown.sign_in import NOTICE_TYPE, notice_in, sign_in_code_html, sign_in_text

CODE = DeviceCode("CANARY7QX", "https://login.example/device", datetime(2026, 11, 20, tzinfo=UTC), 15)
HOSTILE = DeviceCode('<b>"x', 'https://login.example/"><script>', datetime(2026, 11, 20, tzinfo=UTC), 1)


class Screen:
    """What is on the screen, by display; a display that was updated holds its last contents alone."""

    def __init__(self) -> None:
        self.displays: list[dict[str, Any]] = []

    def display(self, data: dict[str, Any], *, raw: bool, display_id: bool = False) -> Any:
        assert raw
        self.displays.append(data)
        return Handle(self, len(self.displays) - 1) if display_id else None


class Handle:
    def __init__(self, screen: Screen, number: int) -> None:
        self._screen, self._number = screen, number

    def update(self, data: dict[str, Any], *, raw: bool) -> None:
        assert raw
        self._screen.displays[self._number] = data


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    made = Screen()
    monkeypatch.setattr(sign_in, "display", made.display)
    return made


def test_the_code_stands_there_until_sign_in_has_ended(screen: Screen) -> None:
    prompt = NotebookPrompt()
    prompt.show(CODE)
    (shown,) = screen.displays
    assert "CANARY7QX" in shown["text/html"]
    assert 'href="https://login.example/device"' in shown["text/html"]
    assert "15 minutes" in shown["text/plain"]
    prompt.close("Sign-in: done, signed in as ada@contoso.com")
    (shown,) = screen.displays
    assert shown["text/plain"] == "Sign-in: done, signed in as ada@contoso.com"
    assert "CANARY" not in str(shown)


def test_on_the_terminal_the_notebook_never_holds_it(screen: Screen) -> None:
    prompt = TerminalNotice()
    prompt.show(CODE)
    prompt.close("Sign-in: cancelled")
    assert [list(data) for data in screen.displays] == [[NOTICE_TYPE], [NOTICE_TYPE]]
    messages = [{"msg_type": "display_data", "content": {"data": data}} for data in screen.displays]
    assert [notice_in(message) for message in messages] == [sign_in_text(CODE), "Sign-in: cancelled"]


@pytest.mark.parametrize(
    "message",
    [
        {"msg_type": "stream", "content": {"text": NOTICE_TYPE}},
        {"msg_type": "display_data", "content": {"data": {"text/plain": NOTICE_TYPE}}},
        {"msg_type": "display_data", "content": {}},
        {"msg_type": "display_data", "content": {"data": {NOTICE_TYPE: "text"}}},
    ],
)
def test_other_messages_are_no_notices(message: dict[str, Any]) -> None:
    assert notice_in(message) is None


def test_hostile_codes_break_out_of_nothing() -> None:
    tags: list[str] = []
    links: list[str | None] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append(tag)
            links.extend(value for name, value in attrs if name == "href")

    Reader().feed(sign_in_code_html(HOSTILE))
    assert tags == ["div", "strong", "p", "a", "br", "code", "br"]
    assert links == [HOSTILE.address]
    assert "within 1 minute:" in sign_in_code_html(HOSTILE)


def test_who_would_see_it() -> None:
    assert isinstance(prompt_for({}, interactive=True), NotebookPrompt)
    assert isinstance(prompt_for({"GWB_NOTICES": "1"}, interactive=False), TerminalNotice)
    assert prompt_for({"GWB_NOTICES": ""}, interactive=False) is None
    assert prompt_for({}, interactive=False) is None
