"""Throttling by resource units, as Graph's identity and access service does it, and the count of what was used.

Costs, limits and headers follow "Microsoft Graph service-specific throttling limits", section "Identity and access
service limits". The service describes a token bucket: every request adds its cost, the level sinks evenly, and whatever
would lift it over the limit is answered with 429. Throttled requests count like others, so a client that does not wait
stays throttled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from rehearsal.cloud.errors import GraphError

SIZES = {"small": 3500, "medium": 5000, "large": 8000}
"""Resource units per ten seconds of one application in a tenant: under 50 users, up to 500, and above."""
_UNIT_SECONDS = 10.0
_WRITES, _WRITE_SECONDS = 3000, 150.0
_FULLEST = 1.8
"""How far above its limit a level is counted; the highest percentage that Graph tells."""
_TOLD_ABOVE = 0.8

_READS: Mapping[str, int] = {
    "applications": 2,
    "contracts": 3,
    "domains/*/domainNameReferences": 4,
    "groups/*/members": 3,
    "groups/*/transitiveMembers": 5,
    "me/licenseDetails": 2,
    "me/memberOf": 2,
    "me/ownedObjects": 2,
    "me/transitiveMemberOf": 2,
    "oauth2PermissionGrants": 2,
    "oauth2PermissionGrants/*": 2,
    "servicePrincipals/*/appRoleAssignments": 2,
    "subscribedSkus": 3,
    "users": 2,
}
_QUESTIONS: Mapping[str, int] = {
    "directoryObjects/getByIds": 5,
    "me/checkMemberGroups": 4,
    "me/checkMemberObjects": 4,
    "me/getMemberGroups": 2,
    "me/getMemberObjects": 2,
}
"""POST requests that write nothing."""
_SPECIAL: Mapping[tuple[str, str], tuple[int, float]] = {
    ("GET", "auditLogs/*"): (5, 10.0),
    ("POST", "servicePrincipals/*/synchronization/jobs/*/provisionOnDemand"): (5, 10.0),
}
"""Requests per seconds of services that count requests instead: reports, and provisioning on demand."""


@dataclass(frozen=True)
class Cost:
    """What one request costs. ``special`` names the limit of its own that it falls under; empty for none."""

    units: int
    writes: int
    special: str = ""


def cost_of(method: str, segments: tuple[str, ...], options: Mapping[str, str]) -> Cost:
    """Cost of a request, from its method, its path below the version and its query options."""
    path = _plain(segments)
    special = next((template for verb, template in _SPECIAL if verb == method and _fits(path, template)), "")
    if method == "GET":
        units, writes = _listed(path, _READS), 0
    elif method == "POST" and (known := _listed(path, _QUESTIONS, unknown=0)):
        units, writes = known, 0
    else:
        units, writes = 1, 1
    units -= "$select" in options
    units += "$expand" in options
    top = options.get("$top", "")
    units -= top.isascii() and top.isdigit() and len(top) <= 2 and int(top) < 20
    return Cost(max(units, 1), writes, special)


def _plain(segments: tuple[str, ...]) -> tuple[str, ...]:
    """Without casts, ``$count`` and ``$ref``; ``users/{id}/…`` costs what ``me/…`` costs."""
    path = tuple(one for one in segments if not one.startswith("microsoft.graph.") and one not in ("$count", "$ref"))
    return ("me", *path[2:]) if path[:1] == ("users",) and len(path) > 2 else path


def _listed(path: tuple[str, ...], table: Mapping[str, int], *, unknown: int = 1) -> int:
    return next((units for template, units in table.items() if _fits(path, template)), unknown)


def _fits(path: tuple[str, ...], template: str) -> bool:
    parts = template.split("/")
    return len(parts) == len(path) and all(part in ("*", one) for part, one in zip(parts, path, strict=True))


class Bucket:
    """A level that rises with every request and sinks evenly, by ``limit`` in ``seconds``."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit = limit
        self._rate = limit / seconds
        self._level = 0.0
        self._at = 0.0

    def add(self, cost: int, now: float) -> int:
        """Count a request at ``now`` (seconds); 0 if it passes, else after how many seconds it would."""
        self._level = max(0.0, self._level - max(0.0, now - self._at) * self._rate)
        self._at = now
        over = self._level + cost - self.limit
        self._level = min(self._level + cost, self.limit * _FULLEST)
        return math.ceil((self._level + cost - self.limit) / self._rate) if over > 0 else 0

    @property
    def share(self) -> float:
        """Level by limit after the last request."""
        # 13 * 1.8 / 13 is more than 1.8.
        return min(self._level / self.limit, _FULLEST)


class Throttle:
    """What applications used so far, and who has to wait.

    Args:
        tenant_id: Named in the headers of throttled answers.
        clock: Answers aware datetimes.
        size: One of ``SIZES``; empty to count and throttle nobody.
    """

    def __init__(self, tenant_id: str, *, clock: Callable[[], datetime], size: str = "") -> None:
        self._tenant_id = tenant_id
        self._clock = clock
        self.size = size
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self.units = 0
        """Resource units so far, those of throttled requests included."""
        self.writes = 0
        self.throttled = 0

    def reset(self, *, size: str) -> None:
        """Counters to zero, every bucket empty, and from here on the limits of ``size``."""
        self.size = size
        self._buckets.clear()
        self.units = self.writes = self.throttled = 0

    def admit(self, client_id: str, cost: Cost) -> dict[str, str]:
        """Count a request; returns the headers that its answer carries.

        Raises:
            GraphError: 429, with what a throttled answer carries.
        """
        self.units += cost.units
        self.writes += cost.writes
        headers = {"x-ms-resource-unit": str(cost.units)}
        if not self.size:
            return headers
        now = self._clock().timestamp()
        read_write, write = "ReadWrite", "Write"
        units = self._bucket(client_id, read_write, SIZES[self.size], _UNIT_SECONDS)
        waits = [(units.add(cost.units, now), read_write, "ResourceUnitLimitExceeded")]
        share = units.share
        if cost.writes:
            writes = self._bucket(client_id, write, _WRITES, _WRITE_SECONDS)
            waits.append((writes.add(cost.writes, now), write, "WriteLimitExceeded"))
            share = max(share, writes.share)
        if cost.special:
            limit, seconds = next(given for (_, template), given in _SPECIAL.items() if template == cost.special)
            scope = write if cost.writes else "Read"
            waits.append(
                (self._bucket(client_id, cost.special, limit, seconds).add(1, now), scope, "RequestLimitExceeded")
            )
        if share > _TOLD_ABOVE:
            headers["x-ms-throttle-limit-percentage"] = f"{share:.2f}"
        wait, scope, reason = max(waits)
        if wait:
            self.throttled += 1
            raise self._refusal(client_id, wait, scope, reason, headers)
        return headers

    def _bucket(self, client_id: str, name: str, limit: int, seconds: float) -> Bucket:
        return self._buckets.setdefault((client_id, name), Bucket(limit, seconds))

    def _refusal(self, client_id: str, wait: int, scope: str, reason: str, headers: Mapping[str, str]) -> GraphError:
        return GraphError(
            429,
            "TooManyRequests",
            "Too many requests. Retry later.",
            {
                **headers,
                "Retry-After": str(wait),
                "x-ms-throttle-scope": f"Tenant_Application/{scope}/{client_id}/{self._tenant_id}",
                "x-ms-throttle-information": reason,
            },
        )
