"""Microsoft's clouds: the table, and what the parameters make of it."""

from __future__ import annotations

import pytest

from runbook_lib.errors import UsageError
from runbook_lib.parameters.connections import Offer, addresses_of, clouds
from runbook_lib.parameters.load import parameters_from_values
from runbook_lib.parameters.model import Parameters

ADDRESSES = {
    "global": ("https://graph.microsoft.com", "https://login.microsoftonline.com"),
    "us-government-l4": ("https://graph.microsoft.us", "https://login.microsoftonline.us"),
    "us-government-l5": ("https://dod-graph.microsoft.us", "https://login.microsoftonline.us"),
    "china": ("https://microsoftgraph.chinacloudapi.cn", "https://login.chinacloudapi.cn"),
}


def test_the_parameter_offers_exactly_the_table() -> None:
    annotation = Parameters.model_fields["cloud"].annotation
    assert annotation is not None
    assert tuple(cloud.name for cloud in clouds()) == annotation.__args__
    assert all(cloud.source and cloud.title for cloud in clouds())


@pytest.mark.parametrize("name", ADDRESSES)
def test_a_cloud_names_both_addresses(name: str) -> None:
    parameters = parameters_from_values({"cloud": name}, source="test")
    assert (parameters.graph_url, parameters.authority_url) == ADDRESSES[name]
    addresses = addresses_of(Parameters.model_validate({"cloud": name}))
    assert (addresses.graph_url, addresses.authority_url) == ADDRESSES[name]
    assert addresses.cloud.name == name
    # A second reading, as in the kernel of a headless run, changes nothing.
    assert parameters_from_values(parameters.model_dump(), source="test") == parameters


def test_an_address_of_ones_own_goes_with_every_cloud() -> None:
    own = {"cloud": "china", "graph_url": "https://localhost:8443/"}
    parameters = parameters_from_values(own, source="test")
    assert parameters.graph_url == "https://localhost:8443"
    assert parameters.authority_url == ADDRESSES["china"][1]


@pytest.mark.parametrize(
    ("given", "parameter", "owner"),
    [
        ({"cloud": "china", "graph_url": "https://graph.microsoft.com"}, "graph_url", "global"),
        ({"cloud": "global", "graph_url": "https://Graph.Microsoft.US/"}, "graph_url", "us-government-l4"),
        ({"graph_url": "https://dod-graph.microsoft.us"}, "graph_url", "us-government-l5"),
        ({"authority_url": "https://login.chinacloudapi.cn"}, "authority_url", "china"),
        (
            {"authority_url": "https://login.microsoftonline.us"},
            "authority_url",
            "us-government-l4 and of us-government-l5",
        ),
    ],
)
def test_an_address_of_another_cloud_is_one_clear_error(given: dict[str, object], parameter: str, owner: str) -> None:
    with pytest.raises(UsageError) as caught:
        parameters_from_values(given, source="test")
    assert caught.value.code == "contradictory-cloud"
    assert f"{parameter} is the address of the cloud {owner}, " in caught.value.message
    assert f"Leave {parameter} empty" in caught.value.hint


def test_both_us_government_clouds_share_their_sign_in() -> None:
    for name in ("us-government-l4", "us-government-l5"):
        authority = "https://login.microsoftonline.us"
        assert parameters_from_values({"cloud": name, "authority_url": authority}, source="test").cloud == name


def test_what_a_cloud_lacks() -> None:
    by_name = {cloud.name: cloud for cloud in clouds()}
    assert by_name["global"].lacks == ()
    for name in ("us-government-l4", "us-government-l5", "china"):
        cloud = by_name[name]
        assert cloud.offers("cloud-sync-groups-to-ad") is Offer.NOT_OFFERED
        assert cloud.offers("synchronization-features") is Offer.UNKNOWN
        assert cloud.offers("delta-query") is Offer.OFFERED
        assert all(feature.source for feature in cloud.lacks)
    assert by_name["china"].offers("provision-on-demand") is Offer.NOT_OFFERED
    with pytest.raises(KeyError):
        by_name["china"].offers("tea")
