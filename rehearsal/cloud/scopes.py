"""The ``scope`` of a token request: which resource, which delegated permissions, and OpenID Connect's own names."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from rehearsal.cloud.sign_in_errors import SignInError

GRAPH_RESOURCE = "https://graph.microsoft.com"
_OPENID = ("openid", "profile", "email", "offline_access")


@dataclass(frozen=True)
class RequestedScopes:
    """What a user's client asks for.

    Attributes:
        resource: Address of the resource that the access token is for.
        prefix: How the client wrote the resource in front of its permissions; empty where it left it out.
        default: Whether it asks for everything that was consented to (``/.default``).
        permissions: Delegated permissions by name.
        openid: OpenID Connect's names among the scopes.
    """

    resource: str
    prefix: str
    default: bool
    permissions: tuple[str, ...]
    openid: frozenset[str]

    def granted_text(self, permissions: Collection[str]) -> str:
        """The ``scope`` of the answer: names as the client wrote them, in full for ``/.default``."""
        front = f"{self.prefix}/" if self.prefix else ""
        names = [*(name for name in _OPENID[:3] if name in self.openid), *(f"{front}{name}" for name in permissions)]
        return " ".join([*names, f"{front}.default"] if self.default else names)


def application_resource(scope: str, own: Collection[str]) -> str:
    """Resource of a client-credentials request, which has to be ``<resource>/.default``.

    Raises:
        SignInError: Another scope, or a resource that is not Graph.
    """
    if not scope.endswith("/.default") or " " in scope:
        raise SignInError(
            1002012,
            "invalid_scope",
            f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value "
            "with /.default suffixed to the resource identifier (application ID URI).",
        )
    return _known(scope.removesuffix("/.default").rstrip("/"), own)


def delegated_scopes(scope: str, own: Collection[str], *, default_resource: str) -> RequestedScopes:
    """Scopes of a request on behalf of a user. Names without a resource belong to Graph.

    Args:
        scope: The parameter as sent.
        own: Addresses under which this server is Graph.
        default_resource: Resource of names without one.

    Raises:
        SignInError: Several resources, ``.default`` beside names, no scope at all, or an unknown resource.
    """
    openid = frozenset(name for name in scope.split() if name in _OPENID)
    others = [name for name in scope.split() if name not in _OPENID]
    if not scope.split():
        raise SignInError(900144, "invalid_request", "The request body must contain the following parameter: 'scope'.")
    split = [name.rpartition("/") for name in others]
    prefixes = {prefix.rstrip("/") for prefix, _, _ in split}
    names = [name for _, _, name in split]
    if len(prefixes) > 1:
        raise SignInError(
            28000, "invalid_request", f"Provided value for the input parameter scope is not valid because it contains "
            f"more than one resource. Scope {scope} is not valid."
        )  # fmt: skip
    if ".default" in names and len(names) > 1:
        raise SignInError(
            70011,
            "invalid_scope",
            f"The provided request must include a 'scope' input parameter. The provided value for the input parameter "
            f"'scope' is not valid. The scope {scope} is not valid. .default scope can't be combined with "
            "resource-specific scopes.",
        )
    prefix = prefixes.pop() if prefixes else ""
    resource = _known(prefix, own) if prefix else default_resource
    permissions = () if names == [".default"] else tuple(names)
    return RequestedScopes(resource, prefix, names == [".default"], permissions, openid)


def _known(resource: str, own: Collection[str]) -> str:
    if resource not in {*own, GRAPH_RESOURCE}:
        raise SignInError(
            500011,
            "invalid_resource",
            f"The resource principal named {resource} was not found in the tenant named Contoso.",
        )
    return resource
