"""What is no mistake and may be one: said by ``gwb parameters --check``, which succeeds all the same."""

from __future__ import annotations

import re
from pathlib import Path

from runbook_lib.model.untrusted import character_name
from runbook_lib.parameters.model import Parameters
from runbook_lib.parameters.paths import resolve

_TYPOGRAPHIC = re.compile(r"[\u2010-\u2015\u2018-\u201f\u2032\u2033\u2212\u00ab\u00bb\u2039\u203a]")


def notes(parameters: Parameters, root: Path) -> list[str]:
    """A sentence each: files that are not on this machine, names with the quotes and dashes of a word processor."""
    return [*_absent(parameters, root), *_typographic(parameters)]


def _absent(parameters: Parameters, root: Path) -> list[str]:
    wanted = ["cloud_ca_file", "dc_ca_file", "undo_record"]
    wanted += ["certificate_file"] if parameters.sign_in == "certificate" else []
    wanted += ["kerberos_keytab" if parameters.bind_method == "kerberos" else "bind_password_file"]
    found = []
    for name in wanted:
        text = getattr(parameters, name)
        try:
            there = not text or resolve(text, root).exists()
        except (OSError, ValueError, RuntimeError):
            there = False
        if not there:
            found.append(f"{name} names {text}, which is not on this machine.")
    return found


def _typographic(parameters: Parameters) -> list[str]:
    texts: list[tuple[str, str]] = [(name, getattr(parameters, name)) for name in ("target_ou", "retired_ou")]
    for name in ("protected_ous", "select_names", "disable_names"):
        texts += [(f"{name}, item {number}", text) for number, text in enumerate(getattr(parameters, name), 1)]
    return [
        f"{place} holds {character_name(found[0])} at character {found.start() + 1}, which a word processor writes: "
        "right if it is really called so."
        for place, text in texts
        if (found := _TYPOGRAPHIC.search(text))
    ]
