"""Readings, join, plan and a headless run beside what others take, in turn."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from benchmarks import directory_again, graph_again, python_ldap, samba
from benchmarks.results import Row, in_turn, once
from rehearsal.contoso.size import Size
from rehearsal.options import StartOptions
from rehearsal.process import RunningRehearsal, start_rehearsal
from runbook_lib.directory.sign_in.connect import open_directory
from runbook_lib.directory.snapshot import read_directory
from runbook_lib.graph.batch import MOST_IN_BATCH
from runbook_lib.graph.connect import open_graph
from runbook_lib.graph.groups import probe_groups
from runbook_lib.graph.rows import GROUP_PROPERTIES
from runbook_lib.graph.snapshot import read_cloud
from runbook_lib.inventory.build import Inventory, build_inventory, group_ids_to_probe
from runbook_lib.inventory.index import index_directory
from runbook_lib.model.cloud import CloudSnapshot
from runbook_lib.model.directory import DirectorySnapshot
from runbook_lib.parameters.load import load_parameters
from runbook_lib.parameters.model import Parameters
from runbook_lib.routes.direct.plan_enable import plan_enable
from runbook_lib.rules.obstacles import connect_v1_of
from runbook_lib.rules.policy import naming_of, policy_of
from tests.support.cloud_client import CloudClient, signed_in

QUICK = Size(1_000, 3_000, 10_000)
"""What ``quick`` reads."""
LATENCY_MS = 40
_AT_ONCE = 4
_WIDE = {"max_creates": "1000000", "max_member_removals": "1000000", "select_names": '["*"]'}


@dataclass(frozen=True)
class _World:
    running: RunningRehearsal
    told: Parameters

    def cloud(self) -> CloudSnapshot:
        with open_graph(self.told, environment={}, clock=_now, sleep=time.sleep) as client:
            return read_cloud(client, self.told.tenant_id, clock=_now)

    def directory(self) -> DirectorySnapshot:
        with open_directory(self.told, environment={}, clock=_now) as directory:
            return read_directory(directory, self.told.target_ou, self.told.retired_ou, clock=_now)


def rows(folder: Path, size: Size, runs: int) -> list[Row]:
    """Every row of the table, those that are not measured with the reason."""
    options = StartOptions(size=size, latency_ms=LATENCY_MS)
    with start_rehearsal(folder / "beside", options=options) as running:
        told = load_parameters([running.parameters_file], _WIDE, project_root=folder).parameters
        world = _World(running, told)
        found = [
            _graph(world, size, runs),
            *graph_again.rows(running, told, runs),
            *_join_and_plan(world, runs),
            Row(
                "100,000 groups, 1,000,000 memberships: read, join, plan, record",
                "complete, ≤ 2.5 GiB, ≤ 11 × of 10,000",
                why="a rehearsal ends at 50,000 groups",
            ),
            _directory(world, runs),
            directory_again.row(running, told, runs),
        ]
    found.insert(3, graph_again.throttled(folder, size, LATENCY_MS, max(1, runs // 2)))
    return [*found, *samba.rows(quick=size == QUICK, runs=runs), _headless(folder, max(1, runs // 2))]


def _graph(world: _World, size: Size, runs: int) -> Row:
    def ours() -> int:
        snapshot = world.cloud()
        _expect("memberships", sum(map(len, snapshot.members.values())), size.memberships)
        return snapshot.reading.requests

    mine, theirs = in_turn(runs, ours, lambda: _by_hand(world.running, size))
    return Row(
        f"Graph: {size.groups:,} groups, {size.memberships:,} memberships, first time, {LATENCY_MS} ms "
        "(the product reads the users too)",
        "≤ 1.1 ×",
        f"requests {requests.__version__} by hand: 999 a page, `$batch` of {MOST_IN_BATCH}, {_AT_ONCE} at a time",
        mine,
        theirs,
    )


def _by_hand(running: RunningRehearsal, size: Size) -> int:
    """Groups and members as people write it who know Graph well; no check of anything. The number of requests."""
    client = signed_in(running)
    with client.session:
        pages = list(client.pages(f"/v1.0/groups?$select={GROUP_PROPERTIES}&$top=999"))
        ids = [group["id"] for page in pages for group in page]
        batches = [ids[begin : begin + MOST_IN_BATCH] for begin in range(0, len(ids), MOST_IN_BATCH)]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = list(pool.map(lambda some: _members(client, some), batches))
    _expect("memberships", sum(members for members, _ in found), size.memberships)
    return len(pages) + sum(asked for _, asked in found)


def _members(client: CloudClient, ids: list[str]) -> tuple[int, int]:
    """Members of these groups and the requests that it took."""
    asks = [
        {"id": key, "method": "GET", "url": f"/groups/{key}/members?$select=id,displayName&$top=999"} for key in ids
    ]
    answer = client.session.post(f"{client.base}/v1.0/$batch", json={"requests": asks}, timeout=60)
    members, asked = 0, 1
    for part in answer.json()["responses"]:
        body: dict[str, Any] = part["body"]
        members += len(body["value"])
        while link := body.get("@odata.nextLink"):
            body = client.get(link).json()
            members, asked = members + len(body["value"]), asked + 1
    return members, asked


def _join_and_plan(world: _World, runs: int) -> list[Row]:
    cloud, ad, told = world.cloud(), world.directory(), world.told
    with open_graph(told, environment={}, clock=_now, sleep=time.sleep) as client:
        presence = probe_groups(client, group_ids_to_probe(cloud, index_directory(ad)))
    today = _now().date()
    naming, v1, policy = (
        naming_of(told),
        connect_v1_of(told, cloud.writers, today),
        policy_of(told, cloud.writers, today),
    )

    def join() -> Inventory:
        index = index_directory(ad)
        return build_inventory(cloud, ad, presence, index=index, naming=naming, connect_v1=v1)

    inventory = join()
    changes = len(plan_enable(inventory, policy).plan.changes)

    def work(done: Callable[[], object]) -> Callable[[], None]:
        def run() -> None:
            done()

        return run

    groups = f"{len(cloud.groups):,} groups"
    return [
        Row(
            f"join of {groups} and {len(ad.objects):,} AD objects",
            "≤ 1 s",
            ours=[once(work(join)) for _ in range(runs)],
        ),
        Row(
            f"plan of everything ({groups}, {changes:,} changes)",
            "≤ 1 s",
            ours=[once(work(lambda: plan_enable(inventory, policy).plan.digest)) for _ in range(runs)],
        ),
    ]


def _directory(world: _World, runs: int) -> Row:
    work, goal = "AD: whole domain, embedded directory (ranges of large groups by the product alone)", "≤ 1.2 ×"
    running = world.running
    password = running.folder.bind_password.read_text(encoding="utf-8").strip()
    reader = python_ldap.reader_of(f"ldaps://127.0.0.1:{running.state['ldap_port']}", world.told, password)
    if reader is None:
        return Row(work, goal, "python-ldap", why=python_ldap.NOT_HERE)
    mine, others = in_turn(runs, lambda: world.directory().reading.requests, reader.read)
    return Row(work, goal, reader.beside, mine, others)


def _headless(folder: Path, runs: int) -> Row:
    empty = folder / "empty.ipynb"
    cell: dict[str, object] = {
        "cell_type": "code",
        "id": "one",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": "1",
    }
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"cells": [cell], "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    empty.write_text(json.dumps(notebook), encoding="utf-8")
    with start_rehearsal(folder / "headless") as running:
        command = [sys.executable, "-m", "runbook_lib.runner", "run", "20-inventory-groups", "--quiet"]
        command += ["-f", str(running.parameters_file)]

        def ours() -> None:
            subprocess.run(command, check=True, capture_output=True)

        def theirs() -> None:
            bare = [sys.executable, "-m", "papermill", str(empty), str(folder / "empty-out.ipynb")]
            subprocess.run(bare, check=True, capture_output=True)

        mine, others = in_turn(runs, ours, theirs)
    return Row(
        "headless 20-inventory-groups on Contoso, reading and record included",
        "≤ 1.3 × and the reading",
        "bare papermill of a notebook of one cell",
        mine,
        others,
    )


def _expect(what: str, found: int, least: int) -> None:
    if found < least:
        raise RuntimeError(f"{what}: {found} read, {least} asked for")


def _now() -> datetime:
    return datetime.now(UTC)
