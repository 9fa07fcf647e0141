"""Refusals in Microsoft Graph's words ("Microsoft Graph error responses and resource types")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

SERVICE_ID = "00000003-0000-0000-c000-000000000000"
"""Application id of Microsoft Graph itself, named in WWW-Authenticate."""


class GraphError(Exception):
    """An answer other than 2xx."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None, *, target: str = ""
    ) -> None:
        super().__init__(message)
        self.target = target
        """The property at fault, which an invalid value names in ``details``; empty for none."""
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


def bad_request(message: str, code: str = "Request_BadRequest") -> GraphError:
    """400."""
    return GraphError(400, code, message)


def unsupported_query(message: str) -> GraphError:
    """400 for a query that the resource or the missing ConsistencyLevel header does not allow."""
    return GraphError(400, "Request_UnsupportedQuery", message)


def unauthenticated(message: str, authority: str) -> GraphError:
    """401 with the challenge that Graph sends."""
    challenge = (
        f'Bearer realm="", authorization_uri="{authority}/common/oauth2/authorize", client_id="{SERVICE_ID}", '
        f'error="invalid_token"'
    )
    return GraphError(401, "InvalidAuthenticationToken", message, {"WWW-Authenticate": challenge})


def denied() -> GraphError:
    """403 for a token without any role that the call accepts."""
    return GraphError(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")


def object_not_found(identifier: str) -> GraphError:
    """404 for an id (or user principal name) that nothing has."""
    return GraphError(
        404,
        "Request_ResourceNotFound",
        f"Resource '{identifier}' does not exist or one of its queried reference-property objects are not present.",
    )


def unknown_segment(segment: str) -> GraphError:
    """400 for a path that Graph's model does not have."""
    return GraphError(400, "BadRequest", f"Resource not found for the segment '{segment}'.")


def method_not_allowed(allowed: Iterable[str]) -> GraphError:
    """405."""
    return GraphError(
        405,
        "Request_BadRequest",
        "Specified HTTP method is not allowed for the request target.",
        {"Allow": ", ".join(sorted(allowed))},
    )


def not_covered(what: str) -> GraphError:
    """501 for something that Graph has and the rehearsal does not."""
    return GraphError(501, "NotImplemented", f"The rehearsal does not cover {what}.")


def invalid_value(name: str, resource: str) -> GraphError:
    """400 for a value that a property cannot have."""
    message = f"Invalid value specified for property '{name}' of resource '{resource}'."
    return GraphError(400, "Request_BadRequest", message, target=name)


def read_only(name: str) -> GraphError:
    """400 for a property that a client cannot set."""
    return bad_request(f"Property '{name}' is read-only and cannot be set.")


def conflict(message: str) -> GraphError:
    """409 for a change that another object stands in the way of."""
    return GraphError(409, "Request_MultipleObjectsWithSameKeyValue", message)


def precondition_failed() -> GraphError:
    """412 for a change under a condition that is false (RFC 9110, 13.1.1)."""
    return GraphError(412, "PreconditionFailed", "The condition in the request's If-Match header is not fulfilled.")
