"""Who asked for a change and ran it, by every name that an approver could type for them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from runbook_lib.errors import RunbookError
from runbook_lib.model.dn import rdn_value
from runbook_lib.record.mappings import mapping_in


def requesters_in(facts: Mapping[str, object]) -> tuple[str, ...]:
    """The account of the system, who was signed in to either side, and who asks, as record.json has them.

    An approver types a name as people use it, so each sign-in counts with and without its domain.
    """
    asked = askers(str(mapping_in(facts.get("parameters")).get("requested_by") or ""))
    ran_by = mapping_in(facts.get("ran_by"))
    cloud, directory = mapping_in(ran_by.get("cloud")), mapping_in(ran_by.get("directory"))
    # "Who am I?" answers u:DOMAIN\\name or dn:CN=name,… (RFC 4532 and RFC 4513, 5.2.1.8).
    bound = str(directory.get("identity") or "").removeprefix("u:")
    names = [str(ran_by.get("account") or ""), str(cloud.get("user_principal_name") or ""), bound]
    if bound.casefold().startswith("dn:"):
        with suppress(RunbookError, ValueError):
            names.append(rdn_value(bound[3:]))
    short = [name.rpartition("\\")[2].partition("@")[0] for name in names if not name.casefold().startswith("dn:")]
    return tuple(dict.fromkeys(name for name in (*names, *short, *asked) if name))


def askers(requested_by: str) -> tuple[str, ...]:
    """Names in the parameter ``requested_by``: all of it, and what stands before a comma (``Kim, file services``)."""
    whole = requested_by.strip()
    return tuple(dict.fromkeys(name for name in (whole, whole.partition(",")[0].strip()) if name))
