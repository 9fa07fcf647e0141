"""A page in a real Chromium, driven over its DevTools protocol (no driver program, no download)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import requests
from websocket import WebSocket, create_connection

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SOON = 300.0
"""Seconds in which what is waited for happens on any machine; none of them passes where all is well."""
# JupyterLab builds only the cells that are in sight: the window is as high as a notebook.
_FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1400,9000"),
    *("--remote-debugging-port=0", "--remote-allow-origins=*"),
)


# A page that is being laid out moves below the pointer: what is clicked has to be in one place for some frames, and to
# be what a pointer there points at.
_PLACE = """(async () => {
  const e = window.toBeClicked, frame = () => new Promise(done => requestAnimationFrame(done));
  e.scrollIntoView({block: 'center'});
  const middle = () => { const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; };
  const before = middle();
  for (let frames = 0; frames < 3; frames++) await frame();
  const after = middle(), hit = document.elementFromPoint(...after);
  const there = hit && (e.contains(hit) || hit === e.parentElement || [...(e.labels ?? [])].some(l => l.contains(hit)));
  return there && before[0] === after[0] && before[1] === after[1] ? after : null;
})()"""


class Page:
    """One tab."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._numbers = count(1)

    def send(self, method: str, **parameters: object) -> dict[str, Any]:
        """A command of the protocol, and its result."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while (answer := json.loads(self._socket.recv())).get("id") != number:
            pass
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def value(self, expression: str) -> Any:
        """What a JavaScript expression gives."""
        result = self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def wait(self, expression: str, *, seconds: float = SOON) -> None:
        """Until the expression is true.

        Raises:
            AssertionError: It never was; the message holds the text of the page.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.value(f"!!({expression})"):
                return
            time.sleep(0.2)
        raise AssertionError(f"{expression}\n{self.value('document.body.innerText')}")

    def click(self, expression: str) -> None:
        """Press and release the left button in the middle of an element, once that lies still and nothing covers it."""
        self.wait(f"(window.toBeClicked = {expression})")
        deadline = time.monotonic() + SOON
        while (place := self._place()) is None:
            assert time.monotonic() < deadline, f"it never lies still, or something covers it: {expression}"
            time.sleep(0.1)
            self.wait(f"(window.toBeClicked = {expression})")
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)

    def _place(self) -> tuple[float, float] | None:
        answer = self.send("Runtime.evaluate", expression=_PLACE, awaitPromise=True, returnByValue=True)
        place = answer["result"].get("value")
        return None if place is None else (place[0], place[1])

    def type(self, text: str) -> None:
        """Text into the field that has the focus."""
        self.send("Input.insertText", text=text)

    def press(self, key: str) -> None:
        """Press and release a key that writes one character."""
        code = ord(key.upper())
        for kind in ("keyDown", "keyUp"):
            text = {"text": key} if kind == "keyDown" else {}
            self.send("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **text)


@contextmanager
def page(address: str, profile: Path) -> Iterator[Page]:
    """Open ``address`` in a Chromium with a profile of its own."""
    assert CHROMIUM is not None, "CI=true wants Chromium: apt-get install chromium"
    browser = subprocess.Popen(
        [CHROMIUM, *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
        env=os.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        port = _port(profile / "DevToolsActivePort", browser)
        made = requests.put(f"http://127.0.0.1:{port}/json/new?{address}", timeout=30).json()
        socket = create_connection(made["webSocketDebuggerUrl"], timeout=60)
        try:
            yield Page(socket)
        finally:
            socket.close()
    finally:
        browser.terminate()
        browser.wait(timeout=30)


def _port(file: Path, browser: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and browser.poll() is None:
        if file.is_file() and (lines := file.read_text().splitlines()):
            return lines[0]
        time.sleep(0.1)
    raise AssertionError("Chromium did not start")
