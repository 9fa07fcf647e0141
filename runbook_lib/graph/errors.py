"""What Graph's refusals mean: as our errors, and as a part of the tenant that could not be read."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from runbook_lib.errors import ContradictsLook, NoAccess, RunbookError, ServiceFailed, WriteUnanswered
from runbook_lib.graph.sender import Answer
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.text import Text, clause, t, verbatim
from runbook_lib.model.untrusted import printable
from runbook_lib.secrets.sources import scrubbed

_UNREADABLE = object()
_CLAIMS = re.compile(r'claims="([^"]{1,4000})"')


class GraphNotFound(ServiceFailed):
    """Graph itself says that the object does not exist (HTTP 404 with Graph's error body).

    ``values["graph_code"]`` is Graph's code, for example ``Request_ResourceNotFound``.
    """


class GraphRejected(ServiceFailed):
    """Graph refuses the request as it stands (HTTP 4xx other than 401, 403, 404, 429; of a write also 501)."""


class GraphContradicts(ContradictsLook):
    """Graph refuses a write because its object is not what it was: gone (HTTP 404), in the way (409), changed since
    its entity tag was read (412). ``values["graph_code"]`` is Graph's code."""


_PERMISSIONS = (
    (
        "/onPremisesSyncBehavior",
        "Group-OnPremisesSyncBehavior.ReadWrite.All",
        "Group-OnPremisesSyncBehavior.ReadWrite.All",
    ),
    ("/synchronization/secrets", "Synchronization.ReadWrite.All", "Synchronization.ReadWrite.All"),
    ("/synchronization/", "Synchronization.Read.All", "Synchronization.ReadWrite.All"),
    ("/appRoleAssignedTo", "Application.Read.All", "AppRoleAssignment.ReadWrite.All"),
    ("/applicationTemplates", "", "Application.ReadWrite.OwnedBy"),
    ("/applications", "Application.Read.All", "Application.ReadWrite.OwnedBy"),
    ("/servicePrincipals", "Application.Read.All", "Application.ReadWrite.OwnedBy"),
    ("/identityGovernance/entitlementManagement", "EntitlementManagement.Read.All", ""),
    ("/auditLogs/provisioning", "ProvisioningLog.Read.All", ""),
    ("/groupSettings", "GroupSettings.Read.All", "GroupSettings.ReadWrite.All"),
    ("/groupSettingTemplates", "GroupSettings.Read.All", ""),
    ("/directory/deletedItems", "Group.Read.All", ""),
    ("/groups", "Group.Read.All", "Group.ReadWrite.All"),
    ("/users", "User.Read.All", ""),
    ("/domains", "Domain.Read.All", ""),
    ("/subscribedSkus", "Organization.Read.All", ""),
    ("/organization", "Organization.Read.All", ""),
)
"""Part of a path, and the least privileged permission to read and to write there (by the pages of the calls). The first
that fits counts."""


def permission_for(path: str, *, write: bool = False) -> str:
    """The permission that a path takes, by its name; empty where it is not known here."""
    found = next((row for row in _PERMISSIONS if row[0] in path), ("", "", ""))
    return found[2] if write else found[1]


def graph_error_of(answer: Answer, path: str, *, secrets: tuple[str, ...] = ()) -> RunbookError:
    """The error for an answer that is not 2xx. ``path`` is what was asked for; ``secrets`` are never quoted."""
    code, _ = _graph_error(answer.body)
    shown_path = scrubbed(path, secrets)
    shown_code = scrubbed(code, secrets, limit=80)
    said = _said(answer, secrets)
    values = {**answer.values, "path": shown_path, "graph_code": shown_code}
    if answer.status == 401:
        return _unauthorized(answer, said, values)
    if answer.status == 403:
        return NoAccess(
            t("Graph refuses to let this app read {shown_path} (HTTP 403, {said}).", shown_path=shown_path, said=said),
            code="graph-forbidden",
            hint=t(
                "Grant the app registration {permission}, with an administrator's consent; a person needs the role "
                "for it besides.",
                permission=permission_for(path) or t("the permission for it"),
            ),
            values=values,
        )
    if answer.status == 404 and code:
        return GraphNotFound(
            t("Graph does not know {shown_path} (HTTP 404, {said}).", shown_path=shown_path, said=said),
            code="graph-not-found",
            hint=t("It may have been deleted since it was named."),
            values=values,
        )
    if 400 <= answer.status < 500 and code:
        return GraphRejected(
            t(
                "Graph rejected the request for {shown_path} (HTTP {status}, {said}).",
                shown_path=shown_path,
                status=answer.status,
                said=said,
            ),
            code="graph-rejected",
            hint=t("Report it with the request id if it happens again."),
            values=values,
        )
    return ServiceFailed(
        t(
            "The answer to the request for {shown_path} is not one of Graph's (HTTP {status}).",
            shown_path=shown_path,
            status=answer.status,
        ),
        code="graph-unexpected-answer",
        hint=t("Check graph_url; a proxy or a portal may be answering in Graph's place."),
        values=values,
    )


def refused_write(answer: Answer, path: str, *, secrets: tuple[str, ...] = ()) -> RunbookError:
    """The error for an answer to a write that is no success.

    Only what Graph itself refuses is known not to have happened: a 4xx (or 501) with Graph's error body. Whatever else
    answers (a redirect, a portal's or a proxy's page) leaves that open.

    Args:
        answer: The answer.
        path: What was to be written to.
        secrets: Never quoted: the token, and what the body held.

    Returns:
        NoAccess (401, 403), GraphContradicts (404, 409, 412), GraphRejected, or WriteUnanswered.
    """
    code, _ = _graph_error(answer.body)
    shown_path, shown_code = scrubbed(path, secrets), scrubbed(code, secrets, limit=80)
    said = _said(answer, secrets)
    values = {**answer.values, "path": shown_path, "graph_code": shown_code}
    if answer.status == 401:
        return _unauthorized(answer, said, values)
    if not code or not (400 <= answer.status < 500 or answer.status == 501):
        return WriteUnanswered(
            t(
                "The answer to the write to {shown_path} is not one of Graph's (HTTP {status}), so it is not known "
                "whether it took effect.",
                shown_path=shown_path,
                status=answer.status,
            ),
            code="graph-unexpected-answer",
            hint=t("Check graph_url; a proxy or a portal may be answering in Graph's place."),
            values=values,
        )
    if answer.status == 403:
        return NoAccess(
            t(
                "Graph refuses to let this app or this person write to {shown_path} (HTTP 403, {said}).",
                shown_path=shown_path,
                said=said,
            ),
            code="graph-forbidden",
            hint=t(
                "Grant the app registration {permission}, with an administrator's consent; a person needs the role "
                "for it besides.",
                permission=permission_for(path, write=True) or t("the permission for it"),
            ),
            values=values,
        )
    if answer.status in _CONTRADICTIONS:
        return GraphContradicts(
            t(
                "Graph refuses the write to {shown_path}: {contradiction} (HTTP {status}, {said}).",
                shown_path=shown_path,
                contradiction=_CONTRADICTIONS[answer.status],
                status=answer.status,
                said=said,
            ),
            code="graph-contradicts",
            hint=t("Nothing was changed by it. Read again what is there."),
            values=values,
        )
    return GraphRejected(
        t(
            "Graph rejected the write to {shown_path} (HTTP {status}, {said}).",
            shown_path=shown_path,
            status=answer.status,
            said=said,
        ),
        code="graph-rejected",
        hint=t("Nothing was changed by it. Report it with the request id if it happens again."),
        values=values,
    )


_CONTRADICTIONS = {
    404: t("what is to be changed is not there"),
    409: t("something there is in the way"),
    412: t("it was changed since it was read"),
}


def unexpected(path: str, what: Text, values: Mapping[str, object] | None = None) -> ServiceFailed:
    """The error for an answer of Graph that breaks its own format."""
    shown_path = scrubbed(path)
    return ServiceFailed(
        t(
            "Graph's answer to the request for {shown_path} cannot be relied on: {what}.",
            shown_path=shown_path,
            what=what,
        ),
        code="graph-unexpected-answer",
        hint=t("Run again; report it with the request id if it happens again."),
        values={**(values or {}), "path": shown_path},
    )


def claims_challenge(headers: Mapping[str, str]) -> str | None:
    """JSON text of the claims that a 401 demands (Microsoft identity platform documentation, "Claims challenges, claims
    requests and client capabilities"), to be handed on to sign-in; None without a challenge that can be read."""
    claims = _demanded(headers)
    return json.dumps(claims) if isinstance(claims, dict) and claims else None


def claims_demanded(headers: Mapping[str, str]) -> tuple[Text, ...]:
    """Names of the claims that a 401 demands, sorted; empty without such a challenge."""
    claims = _demanded(headers)
    if claims is _UNREADABLE:
        return (t("not readable"),)
    wanted = claims.get("access_token") if isinstance(claims, dict) else None
    return tuple(sorted(verbatim(scrubbed(str(name), limit=40)) for name in wanted)) if isinstance(wanted, dict) else ()


def _demanded(headers: Mapping[str, str]) -> object:
    match = _CLAIMS.search(headers.get("WWW-Authenticate") or "")
    if match is None:
        return None
    text = match.group(1)
    try:
        plain = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_" if set("-_") & set(text) else None)
        claims: object = json.loads(plain)
    except (ValueError, RecursionError):
        return _UNREADABLE
    return claims


def _unauthorized(answer: Answer, said: str, values: Mapping[str, object]) -> NoAccess:
    claims = claims_demanded(answer.headers)
    if claims:
        return NoAccess(
            t(
                "Graph demands another sign-in for {path}, also after a new one, with the claims "
                "{claims} (HTTP 401, {said}): the app or the account was disabled, credentials were "
                "revoked, or Conditional Access changed.",
                path=values["path"],
                claims=", ".join(claims),
                said=said,
            ),
            code="graph-claims-challenge",
            hint=t("Ask who keeps the tenant's Conditional Access policies; a new sign-in did not satisfy them."),
            values={**values, "claims": list(claims)},
        )
    return NoAccess(
        t(
            "Graph does not accept the token, not even a new one, for {path} (HTTP 401, {said}).",
            path=values["path"],
            said=said,
        ),
        code="graph-unauthorized",
        hint=t("Check that graph_url and authority_url belong to the same cloud and that the app is enabled."),
        values=values,
    )


def _said(answer: Answer, secrets: tuple[str, ...]) -> Text:
    code, message = _graph_error(answer.body)
    if not code and not message:
        return t("no reason given")
    detail = scrubbed(message, secrets, limit=300)
    return t("{graph_code}: {message}", graph_code=scrubbed(code, secrets, limit=80), message=detail)


def _graph_error(body: Mapping[str, object] | None) -> tuple[str, str]:
    error = (body or {}).get("error")
    if not isinstance(error, dict):
        return "", ""
    code, message = error.get("code"), error.get("message")
    return code if isinstance(code, str) else "", message if isinstance(message, str) else ""


_T = TypeVar("_T")


def or_unreadable(
    name: str, read: Callable[[], _T], *, for_people_only: bool = False, as_app: bool = False
) -> _T | Unreadable:
    """What ``read`` returns, or why Graph did not tell.

    ``Unreadable.code`` is ``app-only`` (documented for delegated sign-in only), ``forbidden`` (HTTP 403), ``not-found``
    (HTTP 404), ``rejected`` (another refusal) or ``failed`` (no useful answer).

    Args:
        name: Name of the part.
        read: Reads it.
        for_people_only: Whether Microsoft documents the reading for delegated sign-in only.
        as_app: Whether an app signed in.

    Raises:
        NoAccess: Sign-in or the connection as such fails: then no other part can be read either.
    """

    def because(code: str, text: Text, error: RunbookError) -> Unreadable:
        return Unreadable(name, code, text, dict(error.values))

    try:
        return read()
    except NoAccess as error:
        if error.code != "graph-forbidden":
            raise
        if for_people_only and as_app:
            why = t("Available with delegated permission only, and this run signed in as an app (HTTP 403)")
            return because("app-only", why, error)
        return because(
            "forbidden", t("A permission or a role is missing: {path} answers HTTP 403", path=_path(error)), error
        )
    except GraphNotFound as error:
        return because("not-found", t("{path} is not there (HTTP 404)", path=_path(error)), error)
    except GraphRejected as error:
        return because(
            "rejected",
            t("{path} is refused (HTTP {status})", path=_path(error), status=error.values.get("status")),
            error,
        )
    except ServiceFailed as error:
        return because("failed", clause(error.message), error)


def _path(error: RunbookError) -> str:
    return printable(str(error.values.get("path", "")), limit=200)
