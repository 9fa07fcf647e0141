"""What can be said about the parameters without asking anybody, mistakes first, then what may be one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from runbook_lib.model.text import NOTHING, Text, joined, t
from runbook_lib.model.untrusted import character_name, unseen
from runbook_lib.parameters import check_change, check_notify, check_secrets, connections
from runbook_lib.parameters.model import Parameters
from runbook_lib.parameters.paths import PATHS, resolve
from runbook_lib.parameters.problems import Complaint, Problem
from runbook_lib.parameters.yaml_text import PROSE, Location

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_NAMES = frozenset({"select_names", "disable_names"})
"""Compared in Unicode's composed form, and with wildcards."""
_DNS = frozenset({"target_ou", "retired_ou", "protected_ous", "access_ous"})
_TYPED_ELSEWHERE = re.compile(r"[\u2010-\u2015\u2018-\u201f\u2032\u2033\u2212\u00ab\u00bb\u2039\u203a]")
"""Dashes, quotes and primes that a word processor puts in place of those of a keyboard."""
_FREE = _NAMES | _DNS | PROSE
"""May hold them: that is how people, groups and OUs are called."""


def unseen_characters(parameters: Parameters) -> Iterator[Complaint]:
    """Texts that are not what they look like, each with the character and its place."""
    for location, text in _all_texts(parameters.model_dump(), ()):
        name = location[-1] if isinstance(location[-1], str) else location[0]
        if name in PROSE:
            found = next((m for m in _CONTROL.finditer(text) if m[0] not in "\n\t"), None)
            if found:
                yield Complaint(
                    location, t("holds {at}", at=_at(found[0], found.start())), "control-character", t("Type it anew.")
                )
            continue
        what, code = _oddity(text, composed=name in _NAMES, plain=name not in _FREE)
        if what:
            yield Complaint(location, what, code, _hint(str(name), text))


def unlike_typed(text: str) -> Text:
    """What in a name differs from what a person would type, to follow "it"; empty: nothing."""
    return _oddity(text, composed=False, plain=True)[0]


def _oddity(text: str, *, composed: bool, plain: bool) -> tuple[Text, str]:
    """The first thing that nobody sees, and its code."""
    if text.isascii() and text.isprintable() and text.strip(" ") in ("", text):
        return NOTHING, ""  # as almost every text is
    if control := _CONTROL.search(text):
        return t("holds {at}", at=_at(control[0], control.start())), "control-character"
    for at, char in sorted([*unseen(text), *((at, c) for at, c in enumerate(text) if c.isspace() and c != " ")]):
        return t("holds {at}, which is not what it looks like", at=_at(char, at)), "invisible-character"
    if text.strip(" ") not in ("", text):
        return t("begins with a blank") if text[0] == " " else t("ends with a blank"), "outer-blank"
    if plain and (found := _TYPED_ELSEWHERE.search(text)):
        return t("holds {at}, which a word processor writes", at=_at(found[0], found.start())), "typographic-character"
    if not composed and (normal := unicodedata.normalize("NFC", text)) != text:
        at = next((n for n, (one, other) in enumerate(zip(text, normal, strict=False)) if one != other), len(normal))
        seen = (
            t(", which looks like {character}", character=character_name(normal[at])) if at < len(normal) else NOTHING
        )
        shown = text[at : at + 2] if unicodedata.combining(text[at + 1 : at + 2] or "a") else text[at]
        names = joined(map(character_name, shown), t(" and "))
        return t("holds {names} at character {at}{seen}", names=names, at=at + 1, seen=seen), "decomposed-character"
    return NOTHING, ""


def _at(char: str, position: int) -> Text:
    return t("{name} at character {position}", name=character_name(char), position=position + 1)


def _hint(name: str, text: str) -> Text:
    if name in _NAMES:
        return t("Type it anew. If a group is really called so, write ? in its place, or name the group by its id.")
    if name in _DNS and not _CONTROL.search(text):
        return t(
            "Type it anew. If the OU is really called so, write the character as its bytes in UTF-8, as in \\C2\\A0."
        )
    return t("Type it anew.")


def single_backslash(parameters: Parameters) -> Iterator[Complaint]:
    """Paths that begin with one backslash: what is left of a UNC path in double quotes."""
    for name in PATHS:
        text = getattr(parameters, name)
        if text.startswith("\\") and not text.startswith("\\\\"):
            yield Complaint(
                (name,),
                t("begins with one backslash, and the path of a share begins with two"),
                "single-backslash",
                t(
                    "In double quotes each is written twice: \\\\\\\\server\\\\share; in single quotes: "
                    "'\\\\server\\share'."
                ),
            )


def _all_texts(value: object, location: Location) -> Iterator[tuple[Location, str]]:
    if isinstance(value, str):
        yield location, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _all_texts(item, (*location, str(name)))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _all_texts(item, (*location, number))


def notes(parameters: Parameters, root: Path) -> list[Text]:
    """A sentence each about what may be a mistake.

    Files that are not on this machine, a domain controller or an account in a form that sign-in will hardly take, names
    with the quotes and dashes of a word processor.
    """
    missing = [problem.text for problem in absent(parameters, root)]
    return [*missing, *connections.doubtful_names(parameters), *_typographic(parameters)]


def absent(parameters: Parameters, root: Path, sources: Mapping[str, str] = MappingProxyType({})) -> list[Problem]:
    """Files that the parameters name and that are not on this machine; ``sources`` says where each was given."""
    wanted = ["cloud_ca_file", "dc_ca_file", "undo_record", "connect_evidence", "share_permissions"]
    wanted += ["blackout_calendar"]
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
            what = t("{name} names {text}, which is not on this machine.", name=name, text=text)
            found.append(Problem(name, what, "file-missing", sources.get(name, "")))
    return found


def _typographic(parameters: Parameters) -> list[Text]:
    texts: list[tuple[str, str]] = [(name, getattr(parameters, name)) for name in ("target_ou", "retired_ou")]
    for name in ("protected_ous", "access_ous", "select_names", "disable_names"):
        texts += [(f"{name}, item {number}", text) for number, text in enumerate(getattr(parameters, name), 1)]
    return [
        t(
            "{place} holds {character_name} at character {start}, which a word processor writes: "
            "right if it is really called so.",
            place=place,
            character_name=character_name(found[0]),
            start=found.start() + 1,
        )
        for place, text in texts
        if (found := _TYPED_ELSEWHERE.search(text))
    ]


_CHECKS: tuple[Callable[[Parameters], Iterator[Complaint]], ...] = (
    single_backslash,
    check_change.change_id,
    connections.guids,
    connections.urls,
    connections.cloud,
    connections.sign_in,
    connections.controllers,
    connections.bind,
    check_change.selected_names,
    check_change.records_dir,
    check_change.lease,
    check_change.approvers,
    check_change.time_stamps,
    check_change.change_windows,
    check_secrets.secret_references,
    check_notify.notify,
    check_notify.records_url,
    connections.ou_names,
    check_change.last_days,
    check_change.sam_pattern,
    check_change.attestation,
    check_change.mail_domain_of_groups,
    check_change.dns_servers,
    check_change.check_routes,
    check_change.extension_property,
)


def complaints(parameters: Parameters) -> list[Complaint]:
    """Everything that is wrong with the values, in no order that matters.

    A text that is not what it looks like is told as that alone: what else is wrong with it comes from there.
    """
    found = list(unseen_characters(parameters))
    reported = {complaint.location for complaint in found}
    return found + [one for check in _CHECKS for one in check(parameters) if one.location not in reported]
