"""What a rehearsal can be told: the same on the other side of a command line, refused where no rehearsal knows it."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.contoso import names
from rehearsal.contoso.people import STAFF
from rehearsal.contoso.size import Size
from rehearsal.options import DEFAULTS, LEAST_STAFF, StartOptions, add_arguments, exchanges, options_of
from rehearsal.serve import main as serve
from runbook_lib.errors import UsageError

_PORTS = st.integers(0, 65535)
_SIZES = st.builds(Size, *[st.integers(1, 99_999)] * 3, seed=st.integers(0, 9))
_OPTIONS = st.builds(
    StartOptions,
    graph_port=_PORTS,
    ldap_port=_PORTS,
    dns_port=_PORTS,
    exchange=st.sampled_from(exchanges()),
    mail_flow=st.sampled_from(names.MAIL_FLOWS),
    throttle=st.sampled_from(["", "small", "medium", "large"]),
    latency_ms=st.integers(0, 60_000),
    domains=st.integers(1, 2),
    recycle_bin=st.booleans(),
    size=st.none() | _SIZES,
    cloud_sync_runs=st.booleans(),
    replication_seconds=st.integers(0, 600),
)
_SMALL = st.builds(StartOptions, staff=st.integers(LEAST_STAFF, STAFF))


@given(_OPTIONS | _SMALL | st.just(StartOptions(directory="samba")))
def test_they_arrive_in_the_process_as_they_were_told(options: StartOptions) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert options_of(parser.parse_args(options.as_arguments())) == options
    assert options_of(parser.parse_args([])) == DEFAULTS


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"exchange": "2030"}, "--exchange 2030"),
        ({"mail_flow": "slow"}, "--mailflow slow"),
        ({"throttle": "huge"}, "--throttle huge"),
        ({"latency_ms": 60_001}, "--latency-ms 60001"),
        ({"latency_ms": -1}, "--latency-ms -1"),
        ({"staff": 209}, "--staff 209"),
        ({"staff": 2111}, "--staff 2111"),
        ({"staff": 300, "size": Size(100, 2500, 3000)}, "--staff beside a size: 300"),
        ({"replication_seconds": 601}, "--replication-seconds 601"),
        ({"replication_seconds": -1}, "--replication-seconds -1"),
        ({"domains": 3}, "--domains 3"),
        ({"domains": 0}, "--domains 0"),
        ({"directory": "openldap"}, "--directory openldap"),
    ],
)
def test_what_no_rehearsal_knows_is_refused(changed: dict[str, str | int | Size], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        replace(DEFAULTS, **changed)  # type: ignore[arg-type]
    assert caught.value.code == "rehearsal-options"
    assert caught.value.message == f"A rehearsal has no {said}."


def test_the_process_refuses_it_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rehearsal.serve.SambaDirectory", None)
    assert serve(["--folder", str(tmp_path / "odd"), "--directory", "samba", "--domains", "2"]) == 2
    told = json.loads((tmp_path / "odd" / "failure.json").read_text(encoding="utf-8"))
    assert told["code"] == "rehearsal-samba-options"
    assert "--domains" in told["message"]
