"""The groups: which ones, and what they are called."""

from __future__ import annotations

import re
from collections.abc import Iterator
from string import Formatter

from runbook_lib.parameters.addresses import is_domain
from runbook_lib.parameters.complaint import Complaint
from runbook_lib.parameters.model import Parameters

_SAM_FORBIDDEN = re.compile(r'["/\\\[\]:;|=,+*?<>@]|[\x00-\x1f]')  # Microsoft Open Specifications, MS-SAMR 3.1.1.6


def selected_names(parameters: Parameters) -> Iterator[Complaint]:
    """Empty names of groups."""
    for name in ("select_names", "disable_names"):
        for number, text in enumerate(getattr(parameters, name)):
            if not text.strip():
                yield Complaint((name, number), "is empty", "empty-name")


def sam_pattern(parameters: Parameters) -> Iterator[Complaint]:
    """A pattern that makes no sAMAccountName, or the same one for every group."""
    pattern = parameters.sam_account_name_pattern
    wrong = ""
    try:
        pieces = list(Formatter().parse(pattern))
    except ValueError:
        pieces = []
    names = [name for _, name, _, _ in pieces if name is not None]
    plain = all(not spec and conversion is None for _, _, spec, conversion in pieces)
    if not names or not plain or any(name not in ("id", "id12") for name in names):
        wrong = "must hold {id12} or {id} and no other braces: names have to differ from group to group"
    elif found := next((m for literal, *_ in pieces if (m := _SAM_FORBIDDEN.search(literal))), None):
        wrong = f"holds the character {found.group()!r}, which a sAMAccountName cannot have"
    elif pattern != pattern.strip() or pattern.endswith("."):
        wrong = "begins or ends with a space, or ends with a dot"
    elif len(pattern.replace("{id12}", "0" * 12).replace("{id}", "0" * 36)) > 256:
        wrong = "is longer than the 256 characters of a sAMAccountName"
    if wrong:
        yield Complaint(("sam_account_name_pattern",), wrong, "bad-sam-pattern", "The default is Group_{id12}.")


def groups_domain(parameters: Parameters) -> Iterator[Complaint]:
    """A mail domain of groups that is no domain name."""
    domain = parameters.groups_domain
    if domain and not is_domain(domain):
        yield Complaint(
            ("groups_domain",), "is not a domain name", "malformed-domain", "Write for example groups.contoso.com."
        )
