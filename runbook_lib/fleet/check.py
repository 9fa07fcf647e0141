"""What can be wrong with a fleet that has the right form. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbook_lib.files import safe_folder_name
from runbook_lib.fleet.model import Fleet
from runbook_lib.model.change_window import zone_named
from runbook_lib.model.text import t
from runbook_lib.parameters.problems import Complaint

_LONGEST_NAME = 40
"""Characters of a name: pages, pools and tasks are called after it."""
_PREFIX = re.compile(r"[A-Z][A-Z0-9_]*_")
_CRON_FIELD = re.compile(r"[0-9A-Za-z*/,\-#?]+")
_NAME_HINT = t("Use letters, digits, dot, underscore and hyphen, and begin with a letter or digit.")


def fleet_complaints(fleet: Fleet) -> Iterator[Complaint]:
    """Everything that is wrong, in the file's order."""
    if not safe_folder_name(fleet.name, _LONGEST_NAME):
        yield Complaint(("name",), t("cannot name a folder"), "bad-value", _NAME_HINT)
    if not fleet.records_dir:
        yield Complaint(("records_dir",), t("is empty"), "bad-value")
    fields = fleet.schedule.split()
    if fleet.schedule and (len(fields) != 5 or not all(map(_CRON_FIELD.fullmatch, fields))):
        yield Complaint(
            ("schedule",),
            t("is no schedule of cron with five fields"),
            "bad-value",
            t("Write minute, hour, day of month, month, day of week: 15 2 * * 1-5"),
        )
    if zone_named(fleet.time_zone) is None:
        yield Complaint(
            ("time_zone",),
            t("is no time zone that this machine knows"),
            "bad-value",
            t("Write for example Europe/Madrid."),
        )
    if not fleet.tenants:
        yield Complaint(("tenants",), t("names no tenant"), "bad-value")
    yield from _of_tenants(fleet)


def _of_tenants(fleet: Fleet) -> Iterator[Complaint]:
    seen: set[str] = set()
    prefixes: list[tuple[str, str]] = []
    for number, entry in enumerate(fleet.tenants):
        at = ("tenants", number)
        if not safe_folder_name(entry.name, _LONGEST_NAME):
            yield Complaint((*at, "name"), t("cannot name a folder"), "bad-value", _NAME_HINT)
        if entry.name.casefold() in seen:
            yield Complaint((*at, "name"), t("is there twice: {name}", name=entry.name), "tenant-twice")
        seen.add(entry.name.casefold())
        if not entry.files:
            yield Complaint((*at, "files"), t("names no parameters file"), "bad-value")
        notebooks = fleet.notebooks_of(entry)
        if not notebooks:
            yield Complaint((*at, "notebooks"), t("are given neither here nor for the fleet"), "key-missing")
        if len(set(notebooks)) < len(notebooks):
            yield Complaint((*at, "notebooks"), t("name a notebook twice"), "bad-value")
        if not entry.secrets_prefix:
            continue
        if not _PREFIX.fullmatch(entry.secrets_prefix):
            yield Complaint(
                (*at, "secrets_prefix"),
                t("is no beginning of a variable's name"),
                "bad-value",
                t("Write capital letters, digits and underscores, one of these last: CONTOSO_"),
            )
        for other, name in prefixes:
            # What begins with the longer one begins with the shorter one too: a tenant would get another one's secrets.
            if other.startswith(entry.secrets_prefix) or entry.secrets_prefix.startswith(other):
                yield Complaint(
                    (*at, "secrets_prefix"), t("begins as that of {name} does", name=name), "secrets-prefix-twice"
                )
        prefixes.append((entry.secrets_prefix, entry.name))
