"""Pages, and the sealed tokens that lead from one to the next ("Paging Microsoft Graph data in your app")."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from urllib.parse import urlencode

from rehearsal.cloud.errors import GraphError
from rehearsal.cloud.query import Query
from rehearsal.cloud.tokens import InvalidTokenError, decode_part, encode_part


class Seal:
    """Makes tokens that hold a JSON value for one purpose and cannot be made or changed by a client."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def token(self, purpose: str, value: object) -> str:
        """An opaque token."""
        content = json.dumps(value, separators=(",", ":")).encode()
        return encode_part(self._sign(purpose, content) + content)

    def open(self, purpose: str, token: str) -> object:
        """The value of a token.

        Raises:
            InvalidTokenError: Not one of ours, or one for another purpose.
        """
        raw = decode_part(token)
        seal, content = raw[:32], raw[32:]
        if not hmac.compare_digest(seal, self._sign(purpose, content)):
            raise InvalidTokenError("the seal does not hold")
        value: object = json.loads(content)
        return value

    def _sign(self, purpose: str, content: bytes) -> bytes:
        return hmac.new(self._key, purpose.encode("utf-8", "surrogatepass") + b"\0" + content, hashlib.sha256).digest()


class Pages:
    """Cuts result lists into pages and issues their next links.

    A next link's token carries position and a seal over path and options, so a link that was rebuilt instead of
    followed is refused, as the service refuses it.
    """

    def __init__(self, seal: Seal) -> None:
        self._seal = seal

    def cut(self, identifiers: Sequence[str], query: Query, path: str) -> tuple[Sequence[str], str | None]:
        """The page that the query asks for and the query string of the next one, or None after the last.

        Raises:
            GraphError: 400 for a token that was not issued for exactly this request.
        """
        purpose = json.dumps(["page", path, sorted(query.issued.items())])
        start = self._position(purpose, query.skip_token) if query.skip_token else 0
        page = identifiers[start : start + query.top]
        if start + query.top >= len(identifiers):
            return page, None
        token = self._seal.token(purpose, start + query.top)
        return page, urlencode({**query.issued, "$skiptoken": token}, safe="$,")

    def _position(self, purpose: str, token: str) -> int:
        try:
            position = self._seal.open(purpose, token)
        except InvalidTokenError:
            position = None
        if not isinstance(position, int):
            raise GraphError(
                400,
                "Directory_ExpiredPageToken",
                "The specified page token value has expired and can no longer be included in your request.",
            )
        return position
