"""Files of a record that an auditor checks with ``sha256sum`` and ``openssl`` alone, and the lines that do it.

``SHA256SUMS`` has a line for every file of the run but itself and the manifest, which lists it with its SHA-256;
``PREVIOUS.sha256`` one for the manifest of the run that was sealed before. Both in the format of GNU coreutils ("sha2
utilities", "md5sum invocation"), which ``shasum`` on macOS and ``sha256sum`` of BusyBox read too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from runbook_lib.files import MANIFEST, PREVIOUS, SUMS
from runbook_lib.model.text import Text, t, verbatim
from runbook_lib.signing.envelope import MANIFEST_TYPE
from runbook_lib.signing.keys import ShownKey
from runbook_lib.signing.signature import ENVELOPE, KEY, STAMP
from runbook_lib.strict_file import LARGEST_PLAN, Unfit, read_plain

_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r"}
_ESCAPED = re.compile(r"[\\\n\r]")
_DIGITS = 64
"""Digits of a SHA-256."""
_SIGNED, _SIGNATURE = '"${TMPDIR:-/tmp}/signed"', '"${TMPDIR:-/tmp}/signature"'
_UNLISTED = (SUMS, MANIFEST, *(f"MANIFEST{part}" for part in (ENVELOPE, KEY, STAMP)))
"""Files beside the listed ones, by their whole path: any other name, or one of these in a folder below, was added."""
_OTHER_FILES = "find . ! -type d " + " ".join(f"! -path ./{name}" for name in _UNLISTED)
_NAMES = "sed 's|^\\./||'"


def sums_text(entries: Iterable[Mapping[str, object]]) -> str:
    """``SHA256SUMS``: a line for each of ``{"path", "sha256"}`` but that of the file itself, sorted by path."""
    lines = {str(entry["path"]): str(entry["sha256"]) for entry in entries if entry["path"] not in (SUMS, MANIFEST)}
    return "".join(_line(lines[path], path) for path in sorted(lines))


def previous_text(run_id: str, sha256: str) -> str:
    """``PREVIOUS.sha256``: the manifest of the run ``run_id`` beside this one, SHA-256 of its bytes."""
    return _line(sha256, f"../{run_id}/{MANIFEST}")


def _line(sha256: str, path: str) -> str:
    if path == "-":  # alone it means standard input
        path = "./-"
    escaped = _ESCAPED.sub(lambda match: _ESCAPES[match[0]], path)
    # A line whose name is escaped begins with a backslash.
    return f"{chr(92) if escaped != path else ''}{sha256}  {escaped}\n"


def checking_steps(
    *, previous: bool, signed_by: ShownKey | None = None, stamped: bool = False
) -> list[tuple[Text, Text]]:
    """What to type in the folder of a run to check it without this program: what a line shows, and the line.

    The lines are for ``sh`` and are never translated. Each succeeds, or ends with a status that is not 0.

    Args:
        previous: Whether a run was sealed before.
        signed_by: The key that the manifest is signed with; None: it is not signed.
        stamped: Whether there is a time stamp of the signature.
    """
    steps = [
        (t("Every file is as it was sealed"), f"sha256sum -c {SUMS}"),
        (
            t("The list of files is the one that the manifest has"),
            f'grep -q "$(sha256sum < {SUMS} | cut -c 1-{_DIGITS})" {MANIFEST}',
        ),
        (
            t("No file was added (a name is printed where one was)"),
            f"! {{ cut -c {_DIGITS + 3}- {SUMS}; {_OTHER_FILES}; }} | {_NAMES} | LC_ALL=C sort | uniq -u | grep .",
        ),
    ]
    if previous:
        steps.append((t("The run sealed before is there and as it was"), f"sha256sum -c {PREVIOUS}"))
    if signed_by is not None:
        steps += _signature_steps("-certin" if signed_by.certificates else "-pubin")
    if stamped:
        line = f"openssl ts -verify -data MANIFEST{ENVELOPE} -in MANIFEST{STAMP} -CAfile ~/AUTHORITY.pem"
        steps.append((t("It was there at the time of the stamp (~/AUTHORITY.pem: whose stamps count)"), line))
    return [(what, verbatim(line)) for what, line in steps]


def _signature_steps(kind: str) -> list[tuple[Text, str]]:
    """The signature of the manifest, taken out of its envelope; ``kind`` says how openssl reads the key."""
    key = f"MANIFEST{KEY}"
    before = f"DSSEv1 {len(MANIFEST_TYPE)} {MANIFEST_TYPE} %d "
    return [
        (t("The signature is of this manifest"), f"{_out_of_envelope('payload')} | cmp - {MANIFEST}"),
        (
            t("What was signed: the manifest behind its type and length (DSSE)"),
            f"{{ printf '{before}' $(($(wc -c < {MANIFEST}))); cat {MANIFEST}; }} > {_SIGNED}",
        ),
        (t("The signature"), f"{_out_of_envelope('sig')} > {_SIGNATURE}"),
        (
            t("That key made it"),
            f"openssl pkeyutl -verify -rawin {kind} -inkey {key} -in {_SIGNED} -sigfile {_SIGNATURE}",
        ),
        (t("It is the key that you know as the signer's (your own copy of it: ~/KEY.pem)"), f"cmp {key} ~/KEY.pem"),
    ]


def _out_of_envelope(name: str) -> str:
    """The line that writes the bytes that a key of the envelope holds in base64."""
    return f'sed -n \'s/.*"{name}": "\\([^"]*\\)".*/\\1/p\' MANIFEST{ENVELOPE} | openssl base64 -d -A'


def sums_problems(folder: Path, manifest: Mapping[str, Any]) -> list[Text]:
    """What an auditor reads with ``sha256sum`` has to say what the manifest says; older records have no such files."""
    problems = []
    listed = {entry["path"] for entry in manifest["files"]}
    if SUMS in listed and _text_of(folder / SUMS) not in (None, sums_text(manifest["files"])):
        problems.append(t("{name}: it does not say what {manifest} says", name=SUMS, manifest=MANIFEST))
    if PREVIOUS in listed and (found := _text_of(folder / PREVIOUS)) is not None:
        previous = manifest["previous"]
        line = re.fullmatch(r"([0-9a-f]{64})  \.\./([^/\n]+)/MANIFEST\.json\n", found)
        if previous is None or line is None or line[2] != previous["run_id"]:
            problems.append(t("{name}: it does not say what {manifest} says", name=PREVIOUS, manifest=MANIFEST))
    return problems


def _text_of(path: Path) -> str | None:
    """The text of a file of a record; None where it cannot be read, which another comparison says."""
    try:
        return read_plain(path, largest=LARGEST_PLAN).data.decode("utf-8", "replace")
    except (FileNotFoundError, Unfit):
        return None
