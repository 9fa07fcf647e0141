"""The page of a record as PDF, by the Chromium, Edge or Chrome that is there: tagged, with bookmarks, page numbers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from runbook_lib.errors import ServiceFailed, UsageError
from runbook_lib.model.text import t, verbatim

_NAMES = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge", "msedge"),
    "microsoft-edge-stable",
)
_WINDOWS = (r"Google\Chrome\Application\chrome.exe", r"Microsoft\Edge\Application\msedge.exe")
_MACOS = ("*Chrom*.app/Contents/MacOS/*Chrom*", "*Edge*.app/Contents/MacOS/*Edge*")
_FLAGS = (
    *("--headless", "--disable-gpu", "--no-first-run", "--disable-extensions", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--no-default-browser-check"),
    # Page numbers stand in the page's own margins; the browser's header would show a path of this machine.
    *("--no-pdf-header-footer", "--generate-pdf-document-outline"),
)
SECONDS = 180
"""For one page; a record of a large plan takes a browser seconds."""


def browser_here(environment: Mapping[str, str], *, named: Path | None = None) -> Path:
    """The browser to print with.

    Args:
        environment: Environment variables: PATH, and on Windows the folders of programs.
        named: The one that a person named; None: look for one.

    Raises:
        UsageError: ``browser-missing``: there is none, or not where it was said to be.
    """
    if named is not None:
        if named.is_file():
            return named
        raise UsageError(
            t("There is no browser {path}.", path=named),
            code="browser-missing",
            hint=t("Name the program of Chromium, Chrome or Edge with --browser."),
        )
    for found in _places(environment):
        return found
    raise UsageError(
        t("No Chromium, Chrome or Edge was found on this machine."),
        code="browser-missing",
        hint=t(
            "Install one, or name its program with --browser; or open record.html in any browser and print it: it has "
            "page numbers."
        ),
    )


def _places(environment: Mapping[str, str]) -> Iterator[Path]:
    for name in _NAMES:
        if found := shutil.which(name, path=environment.get("PATH")):
            yield Path(found)
    if sys.platform == "win32":
        roots = [environment.get(name) for name in ("ProgramFiles", "ProgramFiles(x86)", "LOCALAPPDATA")]
        yield from (path for root in roots if root for rest in _WINDOWS if (path := Path(root) / rest).is_file())
    elif sys.platform == "darwin":
        found = (path for pattern in _MACOS for path in sorted(Path("/Applications").glob(pattern)))
        yield from (path for path in found if path.is_file())


def pdf_of(page: Path, browser: Path) -> bytes:
    """Print a page that loads nothing.

    Args:
        page: record.html.
        browser: Program of Chromium, Chrome or Edge.

    Raises:
        ServiceFailed: ``pdf-failed``: the browser did not start, or wrote no PDF.
    """
    with tempfile.TemporaryDirectory(prefix="gwb-pdf-", ignore_cleanup_errors=True) as scratch:
        target = Path(scratch) / "record.pdf"
        command = [
            *(str(browser), *_FLAGS, f"--user-data-dir={Path(scratch) / 'profile'}"),
            # Chromium's sandbox does not work for root, and it says so and ends.
            *(("--no-sandbox",) if os.name == "posix" and os.geteuid() == 0 else ()),
            *(f"--print-to-pdf={target}", page.resolve().as_uri()),
        ]
        try:
            done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise _failed(browser, t("it did not end within {seconds} s", seconds=SECONDS)) from None
        except OSError as error:
            raise _failed(browser, verbatim(error.strerror or type(error).__name__)) from None
        data = target.read_bytes() if target.is_file() else b""
    if not data.startswith(b"%PDF-"):
        raise _failed(browser, t("it ended with code {code} and wrote no PDF", code=done.returncode))
    return data


def _failed(browser: Path, why: str) -> ServiceFailed:
    return ServiceFailed(
        t("The browser {browser} did not print the page: {why}.", browser=browser, why=why),
        code="pdf-failed",
        hint=t("Try another one with --browser, or open record.html in a browser and print it."),
        values={"browser": str(browser)},
    )
