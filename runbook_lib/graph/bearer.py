"""A request with an access token, sent once more with another one if Graph refuses the first."""

from __future__ import annotations

from collections.abc import Callable

from runbook_lib.graph.answers import claims_challenge
from runbook_lib.graph.sender import Answer
from runbook_lib.graph.sign_in import Tokens
from runbook_lib.secrets.sources import Secret


def bearer(token: Secret) -> dict[str, str]:
    """The headers of a request with this token."""
    return {"Authorization": f"Bearer {token.reveal()}", "Accept": "application/json"}


def with_token(tokens: Tokens, send: Callable[[Secret], Answer]) -> tuple[Answer, Secret]:
    """The answer and the token it was given for.

    HTTP 401 means revoked, expired on the way, or a claims challenge: one new token with what was demanded, one more
    attempt, whose answer counts.
    """
    token = tokens.token()
    answer = send(token)
    if answer.status == 401:
        token = tokens.token(refused=token, claims=claims_challenge(answer.headers))
        answer = send(token)
    return answer, token
