"""What a new job maps groups to before anybody changes it, as far as a plan relies on it. Pure.

A job that does not exist yet has no schema to read, so a plan that makes one is made from what Microsoft documents, and
the real schema is compared with that before anything comes into scope.

Source: Microsoft Entra documentation, "Attribute mapping - Microsoft Entra ID to Active Directory" (default mapping,
default container, fixed filter); sAMAccountName is not among the default mappings, so AD makes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from runbook_lib.cloud_sync.configuration import Document, expressions_of, mapping_of_groups
from runbook_lib.cloud_sync.expression import ExpressionError, read_expression
from runbook_lib.model.text import t

FIXED_FILTER = (("securityEnabled", t("IS TRUE")), ("dirSyncEnabled", t("IS FALSE")), ("mailEnabled", t("IS FALSE")))
"""Attribute and operator: what every configuration for groups filters by."""
_SILENT = frozenset({"cn", "parentdistinguishedname", "samaccountname", "msds-externaldirectoryobjectid"})
"""What decides under which name, where and as whose object a group arrives."""


def default_expressions(base: str) -> dict[str, str]:
    """Target attribute, lower case, to the documented default expression that a plan relies on.

    Args:
        base: DN of the domain.
    """
    escaped = f"CN=Users,{base}".replace("\\", "\\\\").replace('"', '\\"')
    return {
        "cn": 'Append(Append(Left(Trim([displayName]),51),"_"),Mid([objectId],25,12))',
        "msds-externaldirectoryobjectid": 'Append("Group_",[objectId])',
        "parentdistinguishedname": f'"{escaped}"',
    }


def default_schema(base: str) -> dict[str, object]:
    """A schema with these expressions, for planning alone: it is never sent."""
    rows = [
        {"targetAttributeName": name, "source": {"expression": text}}
        for name, text in default_expressions(base).items()
    ]
    mapping = {"sourceObjectName": "Group", "targetObjectName": "group", "enabled": True, "attributeMappings": rows}
    return {"synchronizationRules": [{"id": "", "objectMappings": [mapping]}]}


def differing(schema: Document, assumed: Mapping[str, str], desired: Mapping[str, str]) -> list[str]:
    """What of a new job's schema is otherwise than assumed and matters; one text for each, empty where nothing is.

    Args:
        schema: As it was read.
        assumed: Target attribute, lower case, to the expression that the plan was made from.
        desired: What the plan gives the job instead: of these attributes any default will do.

    Raises:
        NotEditable: It maps no groups, or more than once.
    """
    present = expressions_of(schema)
    given = {name.casefold(): text for name, text in desired.items()}
    found = [
        f"{name}: {present.get(name) or '-'}"
        for name in sorted(_SILENT)
        if not any(_same(present.get(name, ""), text) for text in {assumed.get(name, ""), given.get(name, "")})
        and name not in given
    ]
    return found + _other_filter(schema)


def _other_filter(schema: Document) -> list[str]:
    rule, mapping = mapping_of_groups(schema)
    scope = schema["synchronizationRules"][rule]["objectMappings"][mapping].get("scope") or {}
    clauses = [clause for group in scope.get("groups") or [] for clause in group.get("clauses") or []]
    fixed = {name.casefold() for name, _ in FIXED_FILTER}
    names = [str(clause.get("sourceOperandName") or "") for clause in clauses]
    return [f"scope: {name}" for name in names if name.casefold() not in fixed]


def _same(one: str, other: str) -> bool:
    """Whether two expressions are the same but for blanks and how constants are written."""
    if one == other:
        return True
    with suppress(ExpressionError):
        return bool(one and other) and read_expression(one).root == read_expression(other).root
    return False
