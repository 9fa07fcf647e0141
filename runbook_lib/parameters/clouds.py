"""Microsoft's clouds: their addresses, and what each of them does not offer.

The facts are in ``clouds.csv`` and ``cloud_offers.csv`` beside this module; each row names the public document it was
taken from. GCC tenants use the addresses of the global service.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib.resources import files

from runbook_lib.model.text import Text, from_table
from runbook_lib.parameters.model import Parameters

MEANT_FOR_ONE_CLOUD = ("graph_url", "authority_url")
"""Parameters that the parameter ``cloud`` decides where they are empty."""


class Offer(Enum):
    """Whether a cloud offers something. Unknown is no statement, neither way."""

    OFFERED = "offered"
    NOT_OFFERED = "not-offered"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Feature:
    """Something that not every cloud offers."""

    name: str
    """``synchronization-features``, ``cloud-sync-groups-to-ad``, ``provision-on-demand``, …"""
    title: Text
    source: str
    offer: Offer


@dataclass(frozen=True, slots=True)
class Cloud:
    """One of Microsoft's clouds.

    Attributes:
        name: As the parameter ``cloud`` names it.
        title: For people.
        graph_url: Address of Microsoft Graph, without a final slash.
        authority_url: Address of sign-in, without a final slash.
        features: What not every cloud offers, with this cloud's answer.
        source: The public document of the addresses.
    """

    name: str
    title: Text
    graph_url: str
    authority_url: str
    features: tuple[Feature, ...]
    source: str

    def offers(self, feature: str) -> Offer:
        """Whether this cloud offers ``feature``.

        Raises:
            KeyError: Nobody knows that feature.
        """
        return {known.name: known.offer for known in self.features}[feature]

    @property
    def lacks(self) -> tuple[Feature, ...]:
        """What this cloud does not offer, and what nobody says about it."""
        return tuple(feature for feature in self.features if feature.offer is not Offer.OFFERED)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a run talks to, without a final slash, and the cloud whose tenant that is."""

    graph_url: str
    authority_url: str
    cloud: Cloud


@cache
def clouds() -> tuple[Cloud, ...]:
    """Every cloud, the global one first."""
    offers = list(_rows("cloud_offers.csv"))
    return tuple(
        Cloud(
            name=row["name"],
            title=from_table(row["title"]),
            graph_url=row["graph_url"],
            authority_url=row["authority_url"],
            features=tuple(
                Feature(o["feature"], from_table(o["title"]), o["source"], Offer(o[row["name"]])) for o in offers
            ),
            source=row["source"],
        )
        for row in _rows("clouds.csv")
    )


def addresses_of(parameters: Parameters) -> Addresses:
    """The addresses that the parameters mean: those given, and the cloud's where they are empty."""
    cloud = next(known for known in clouds() if known.name == parameters.cloud)
    return Addresses(
        graph_url=(parameters.graph_url or cloud.graph_url).rstrip("/"),
        authority_url=(parameters.authority_url or cloud.authority_url).rstrip("/"),
        cloud=cloud,
    )


def cloud_contradictions(parameters: Parameters) -> Iterator[tuple[str, str]]:
    """Addresses of one of Microsoft's clouds that are not those of the cloud named: parameter and whose it is."""
    chosen = next(known for known in clouds() if known.name == parameters.cloud)
    for name in MEANT_FOR_ONE_CLOUD:
        given = str(getattr(parameters, name)).rstrip("/").lower()
        owners = [known for known in clouds() if getattr(known, name) == given]
        if owners and chosen not in owners:
            yield name, " and of ".join(owner.name for owner in owners)


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = files("runbook_lib.parameters").joinpath(name).read_text(encoding="utf-8")
    yield from csv.DictReader(text.splitlines())
