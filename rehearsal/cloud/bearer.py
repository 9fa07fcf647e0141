"""From the bearer token of a request to who sent it."""

from __future__ import annotations

import base64
import json

from rehearsal.cloud.errors import SERVICE_ID, GraphError, unauthenticated
from rehearsal.cloud.permissions import Caller
from rehearsal.cloud.scopes import GRAPH_RESOURCE
from rehearsal.cloud.sign_in import SignIn
from rehearsal.cloud.tokens import InvalidTokenError


def caller_of(token: str, sign_in: SignIn, address: str) -> Caller:
    """Who holds a token that is good now.

    Args:
        token: The bearer token as sent; empty for none.
        sign_in: The token service that has to have signed it.
        address: Scheme and host of this server, as the client wrote them.

    Raises:
        GraphError: 401, with the challenge that says why.
    """
    claims = _good_claims(token, sign_in, address)
    if sign_in.revocation.covers(claims):
        raise claims_challenge(sign_in, address)
    roles, wids = claims.get("roles"), claims.get("wids")
    if claims.get("idtyp") == "user":
        return Caller(
            str(claims["appid"]),
            frozenset(str(claims.get("scp", "")).split()),
            user_id=str(claims["oid"]),
            directory_roles=frozenset(map(str, wids)) if isinstance(wids, list) else frozenset(),
        )
    return Caller(str(claims["appid"]), frozenset(roles if isinstance(roles, list) else ()))


def take_back(token: str, sign_in: SignIn, address: str) -> None:
    """Refuse this token from now on.

    Raises:
        GraphError: 401 in any case: the claims challenge, or what is wrong with the token besides.
    """
    sign_in.revocation.refuse(_good_claims(token, sign_in, address))
    raise claims_challenge(sign_in, address)


def claims_challenge(sign_in: SignIn, address: str) -> GraphError:
    """401 of continuous access evaluation: a token obtained with these claims would do."""
    moment = int(sign_in.clock().timestamp())
    wanted = {"access_token": {"nbf": {"essential": True, "value": str(moment)}}}
    claims = base64.b64encode(json.dumps(wanted, separators=(",", ":")).encode()).decode("ascii")
    challenge = (
        f'Bearer realm="", authorization_uri="{address}/common/oauth2/authorize", client_id="{SERVICE_ID}", '
        f'error="insufficient_claims", claims="{claims}"'
    )
    text = (
        "Continuous access evaluation resulted in challenge with result: InteractionRequired and code: "
        "TokenIssuedBeforeRevocationTimestamp"
    )
    return GraphError(401, "InvalidAuthenticationToken", text, {"WWW-Authenticate": challenge})


def _good_claims(token: str, sign_in: SignIn, address: str) -> dict[str, object]:
    if not token:
        raise unauthenticated("Access token is empty.", address)
    try:
        claims = sign_in.issuer.signer.claims_of(token)
    except InvalidTokenError:
        raise unauthenticated("Access token validation failure. Invalid signature or format.", address) from None
    expires = claims["exp"]
    if claims["aud"] not in (address, GRAPH_RESOURCE):
        raise unauthenticated("Access token validation failure. Invalid audience.", address)
    if not isinstance(expires, int) or expires <= sign_in.clock().timestamp():
        raise unauthenticated("Lifetime validation failed, the token is expired.", address)
    return claims
