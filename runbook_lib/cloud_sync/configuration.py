"""Schema and secrets of a configuration, changed as whole documents: everything that is not changed stays as it was.

Microsoft Graph has no call that changes a part: PUT replaces the whole schema, and the whole list of secrets. It also
keeps two mappings to one attribute where both are sent. So a change is made on the document that was read, and its undo
is that document again.

Sources: Microsoft Graph documentation, "Update synchronizationSchema", "attributeMapping", "synchronization: secrets";
Microsoft Entra documentation, "How to programmatically configure cloud sync using Microsoft Graph API" (the keys of the
secrets), "Cloud Sync accidental deletes" (the threshold).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from runbook_lib.cloud_sync.expression import read_expression
from runbook_lib.errors import Refused
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import printable

Document = Mapping[str, Any]
"""A JSON object as Graph gives it."""

DOMAIN, NOTIFICATION = "Domain", "SyncNotificationSettings"
KNOWN_SECRETS = frozenset({DOMAIN, NOTIFICATION})
"""Secrets of a configuration for groups; none of them is secret. Whatever else is there may come back without its
value, and sending the list would then destroy it."""
PREREQUISITES = 'Microsoft Entra documentation, "Prerequisites for provisioning to Active Directory"'
WITHOUT_GOVERNANCE = 2
"""Number of new configurations that P1 covers ("Prerequisites for provisioning to Active Directory")."""
MOST_CONFIGURATIONS = 20
"""Configurations of a tenant (same page)."""
HIGHEST_THRESHOLD = 2_147_483_647
"""Deletions: the largest signed number of 32 bits."""


class NotEditable(Refused):
    """Schema or secrets are not in a form in which they can be put back whole."""


@dataclass(frozen=True, slots=True)
class Notification:
    """Who is told of quarantines, and how many deletions in one run are too many.

    Attributes:
        recipients: Addresses, as they are separated in the configuration.
        threshold: N lets at most N - 1 deletions of a run pass; None: no threshold.
    """

    enabled: bool
    recipients: str
    threshold: int | None

    def over(self, present: Notification | None) -> Notification:
        """This one where it says something, and what is there already where it does not."""
        if present is None:
            return self
        told = self if self.recipients else present
        return Notification(told.enabled, told.recipients, self.threshold or present.threshold)


def mapping_of_groups(schema: Document) -> tuple[int, int]:
    """Where in the schema groups of Microsoft Entra ID are mapped to groups of AD: numbers of rule and mapping, from 0.

    Raises:
        NotEditable: There is none (``no-mapping-of-groups``), or more than one (``several-mappings-of-groups``).
    """
    found = [
        (at_rule, at_mapping)
        for at_rule, rule in enumerate(_objects(schema.get("synchronizationRules")))
        for at_mapping, mapping in enumerate(_objects(rule.get("objectMappings")))
        if str(mapping.get("sourceObjectName", "")).casefold() == "group"
        and str(mapping.get("targetObjectName", "")).casefold() == "group"
    ]
    if not found:
        raise _not_editable("no-mapping-of-groups", t("The schema of the job maps no groups to groups."))
    if len(found) > 1:
        raise _not_editable(
            "several-mappings-of-groups", t("The schema of the job maps groups to groups more than once.")
        )
    return found[0]


def expressions_of(schema: Document) -> dict[str, str]:
    """Target attribute, lower case, to the expression that fills it, in the mapping of groups.

    Raises:
        NotEditable: As ``mapping_of_groups``.
    """
    rule, mapping = mapping_of_groups(schema)
    rows = _objects(schema["synchronizationRules"][rule]["objectMappings"][mapping].get("attributeMappings"))
    return {target_of(row): str((row.get("source") or {}).get("expression") or "") for row in rows}


def source_attributes(schema: Document) -> frozenset[str]:
    """Names of the attributes that groups of the source have by the schema; empty where it does not list them."""
    rule, _ = mapping_of_groups(schema)
    source = str(schema["synchronizationRules"][rule].get("sourceDirectoryName") or "").casefold()
    return frozenset(
        str(attribute.get("name"))
        for directory in _objects(schema.get("directories"))
        if str(directory.get("name") or "").casefold() == source
        for kind in _objects(directory.get("objects"))
        if str(kind.get("name") or "").casefold() == "group"
        for attribute in _objects(kind.get("attributes"))
        if attribute.get("name")
    )


def require_known_attributes(schema: Document, expressions: Mapping[str, str]) -> None:
    """Refuse expressions that read what no group of the source has; a schema that lists no attributes refuses nothing.

    Directory extensions are the tenant's, whatever the schema lists: the service itself reads them.

    Args:
        schema: As it was read.
        expressions: Target attribute to its expression.

    Raises:
        Refused: ``unknown-attribute``, with the nearest name.
        ExpressionError: One of them is not well formed.
    """
    known = {name.casefold(): name for name in source_attributes(schema)}
    if not known:
        return
    for target, text in sorted(expressions.items()):
        for name in read_expression(text).attributes:
            if name.casefold() in known or name.casefold().startswith("extension_"):
                continue
            near = get_close_matches(name.casefold(), known, 1)
            raise Refused(
                t(
                    "The mapping expression of {target} reads {name}, which groups of the source do not have.",
                    target=target,
                    name=printable(name, limit=80),
                ),
                code="unknown-attribute",
                hint=t("Did you mean {near}?", near=known[near[0]])
                if near
                else t("Correct it in the parameters file; an extension has to be in the schema of the job first."),
                values={"attribute": printable(name, limit=200), "target": target},
            )


def with_mappings(schema: Document, sources: Mapping[str, Document]) -> dict[str, Any]:
    """The schema with other sources for some attributes of groups.

    Args:
        schema: As it was read.
        sources: Target attribute to its ``attributeMappingSource``, as ``parseExpression`` gives it.

    Returns:
        A schema of its own. An attribute that was mapped keeps everything else of its mapping; of several mappings to
        it the first stays. One that was not gets a mapping of its own behind the others.

    Raises:
        NotEditable: As ``mapping_of_groups``.
    """
    changed = copy.deepcopy(dict(schema))
    rule, mapping = mapping_of_groups(changed)
    holder = changed["synchronizationRules"][rule]["objectMappings"][mapping]
    wanted = {name.casefold(): (name, dict(source)) for name, source in sources.items()}
    rows: list[Any] = []
    placed: set[str] = set()
    for row in holder.get("attributeMappings") or []:
        key = target_of(row)
        if key not in wanted:
            rows.append(row)
        elif key not in placed:
            placed.add(key)
            rows.append({**row, "source": wanted[key][1]})
    rows += [_new_mapping(*wanted[key]) for key in wanted if key not in placed]
    holder["attributeMappings"] = rows
    return changed


def secrets_of(answer: Document, *, known_only: bool = False) -> list[dict[str, Any]]:
    """The secrets of a configuration, as they can be sent again.

    Args:
        answer: Of Graph, whole.
        known_only: Leave out those that ``unreadable_secrets`` names, instead of refusing.

    Raises:
        NotEditable: One of them is not known to come back with its value (``unknown-secret``), or came without one
            (``secret-without-value``): sending the list would destroy it.
    """
    rows = _objects(answer.get("value"))
    kept = [row for row in rows if not _not_readable(row)] if known_only else rows
    for row in kept:
        if why := _not_readable(row):
            raise _not_editable(*why)
    return [{"key": row["key"], "value": row["value"]} for row in kept]


def unreadable_secrets(answer: Document) -> list[str]:
    """Keys of the secrets that cannot be put back, sorted: not known to come back with their value, or without one."""
    return sorted(str(row.get("key")) for row in _objects(answer.get("value")) if _not_readable(row))


def _not_readable(row: Document) -> tuple[str, Text] | None:
    """Why a secret cannot be put back: a code and a sentence; None where it can."""
    key = str(row.get("key"))
    if key not in KNOWN_SECRETS:
        return "unknown-secret", t(
            "The configuration holds a secret that this runbook does not know: {key}.", key=printable(key, limit=60)
        )
    if not isinstance(row.get("value"), str) or not row["value"].strip("*"):
        return "secret-without-value", t("The secret {key} came back without its value.", key=printable(key, limit=60))
    return None


def with_domain(secrets: Sequence[Document], domain: str) -> list[dict[str, Any]]:
    """The secrets with the AD domain that the configuration writes to."""
    return _with(secrets, DOMAIN, {"domain": domain})


def with_notification(secrets: Sequence[Document], notification: Notification) -> list[dict[str, Any]]:
    """The secrets with another notification; fields of it that this runbook does not know stay.

    Raises:
        ValueError: The threshold is not between 1 and ``HIGHEST_THRESHOLD``.
    """
    if notification.threshold is not None and not 1 <= notification.threshold <= HIGHEST_THRESHOLD:
        raise ValueError(f"threshold: {notification.threshold}")
    held = {
        **_value_of(secrets, NOTIFICATION),
        "Enabled": notification.enabled,
        "Recipients": notification.recipients,
        "DeleteThresholdEnabled": notification.threshold is not None,
    }
    if notification.threshold is not None:
        held["DeleteThresholdValue"] = notification.threshold
    return _with(secrets, NOTIFICATION, held)


def domain_of(secrets: Sequence[Document]) -> str:
    """DNS name of the AD domain, lower case; empty where none is set."""
    return str(_value_of(secrets, DOMAIN).get("domain") or "").strip().lower()


def notification_of(secrets: Sequence[Document]) -> Notification | None:
    """The notification as it is set; None: none is."""
    held = _value_of(secrets, NOTIFICATION)
    if not held:
        return None
    number = held.get("DeleteThresholdValue")
    threshold = number if held.get("DeleteThresholdEnabled") is True and type(number) is int else None
    return Notification(held.get("Enabled") is True, str(held.get("Recipients") or ""), threshold)


def _value_of(secrets: Sequence[Document], key: str) -> dict[str, Any]:
    """A secret's value, which is JSON inside of JSON.

    Raises:
        NotEditable: It is none (``secret-damaged``).
    """
    text = next((row["value"] for row in secrets if row.get("key") == key), None)
    if text is None:
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise _not_editable("secret-damaged", t("The setting {key} of the configuration is no JSON object.", key=key))
    return value


def _with(secrets: Sequence[Document], key: str, value: Mapping[str, Any]) -> list[dict[str, Any]]:
    new = {"key": key, "value": json.dumps(value, separators=(",", ":"))}
    rows = [new if row.get("key") == key else dict(row) for row in secrets]
    return rows if new in rows else [*rows, new]


def _new_mapping(name: str, source: Document) -> dict[str, Any]:
    return {
        "defaultValue": None,
        "exportMissingReferences": False,
        "flowBehavior": "FlowWhenChanged",
        "flowType": "Always",
        "matchingPriority": 0,
        "source": dict(source),
        "targetAttributeName": name,
    }


def target_of(row: object) -> str:
    """The attribute that a mapping fills, lower case; empty where it is none."""
    return str(row.get("targetAttributeName") or "").casefold() if isinstance(row, Mapping) else ""


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _not_editable(code: str, what: Text) -> NotEditable:
    return NotEditable(
        t("{what} So it cannot be changed and put back whole, and nothing is sent.", what=what),
        code=code,
        hint=t("Change the configuration in the Entra admin center, then run the notebook again."),
    )
