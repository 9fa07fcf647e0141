"""Access tokens that Graph no longer takes, although they have not ended: continuous access evaluation."""

from __future__ import annotations

from collections.abc import Mapping

from rehearsal.cloud.issuing import token_number

CLAIMS_CHALLENGES = "cp1"
"""The client capability of clients that can deal with a claims challenge."""


class Revocation:
    """Which access tokens were taken back.

    A revocation reaches only tokens whose client declared the capability ``cp1``, as in Entra: others stay good until
    they end. A token refused by a fault is refused whatever its client can do.
    """

    def __init__(self) -> None:
        self._until: dict[str, int] = {}
        self._refused: set[str] = set()

    def reset(self) -> None:
        """Nothing is revoked."""
        self._until.clear()
        self._refused.clear()

    def revoke(self, subject: str, issued: int) -> None:
        """Take back what a user or service principal got so far; ``issued`` tokens exist by now."""
        self._until[subject] = issued

    def refuse(self, claims: Mapping[str, object]) -> None:
        """Take this very token back."""
        self._refused.add(str(claims["uti"]))

    def covers(self, claims: Mapping[str, object]) -> bool:
        """Whether a token was taken back."""
        if claims["uti"] in self._refused:
            return True
        capabilities = claims.get("xms_cc")
        capable = isinstance(capabilities, list) and CLAIMS_CHALLENGES in capabilities
        return capable and token_number(claims) <= self._until.get(str(claims["oid"]), 0)
