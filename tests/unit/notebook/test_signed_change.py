"""A signed change against somebody who may write to its folder and has no key: whatever is altered is named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook_lib.change.approvals.plan import approve_plan, planned
from runbook_lib.errors import AwaitingApproval, Refused, UsageError
from runbook_lib.record.attested import attested
from runbook_lib.record.checksums import previous_text, sums_text
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.manifest import build_manifest, file_digest, file_entries, manifest_digest, verified_record
from runbook_lib.record.one_at_a_time import LOCK_FILE
from runbook_lib.record.seal import seal
from runbook_lib.routes.registry import ROUTES
from runbook_lib.runner.cli import cli
from runbook_lib.signing.keys import SigningKey
from runbook_lib.signing.signature import SUFFIXES, Signing
from runbook_lib.signing.trust import TrustedSigners, read_trusted_signers
from tests.support.signing import new_key, trust_folder
from tests.unit.notebook.field import Field


@dataclass(frozen=True)
class Change:
    """A change of three signed runs, and its approval."""

    folder: Path
    keep: Path
    trusted: Path
    host: SigningKey

    def problems(self, *, trusted: bool = True, last: str = "") -> list[str]:
        """What is named, looking at each run that is there."""
        trust = read_trusted_signers(self.trusted, parameter="x") if trusted else None
        found: list[str] = []
        for run in self.runs():
            folder = RecordFolder.open(run)
            result = verified_record(folder)
            found += [*result.problems, *attested(folder, trust, last=last).problems]
        return found

    def runs(self) -> list[Path]:
        return sorted(path for path in self.folder.iterdir() if path.is_dir() and path.name != "approvals")

    def restore(self) -> None:
        shutil.rmtree(self.folder)
        shutil.copytree(self.keep, self.folder, symlinks=True)


def approve(field: Field, record: Path, key: SigningKey | None, who: str = "Kim") -> Path:
    return approve_plan(
        record, ROUTES, approver=who, phrase=planned(record, ROUTES).phrase, valid=timedelta(hours=4),
        clock=lambda: field.now, signing=Signing(key) if key else None,
    )  # fmt: skip


def told(folder: Path, host: Path | None = None) -> dict[str, Any]:
    return {"trusted_signers": str(folder), "signing_key": str(host) if host else ""}


@pytest.fixture(scope="module")
def made(standing: Field, tmp_path_factory: pytest.TempPathFactory) -> Change:
    before = standing.embedded.store.snapshot()
    standing.clear()
    home = tmp_path_factory.mktemp("signed")
    host, kim = new_key(home, "host"), new_key(home, "kim")
    trusted = trust_folder(home, host=host.shown.as_pem(), kim=kim.shown.as_pem())
    for _ in range(3):
        run, error = standing.run(**told(trusted, home / "host.pem"))
        if isinstance(error, AwaitingApproval):
            approve(standing, run.record.folder.path, kim)
        standing.now += timedelta(seconds=1)
        seal(run.record.folder, None, clock=lambda: standing.now, signing=Signing(host))
    shutil.copytree(standing.folder, home / "keep" / "CHG1")
    shutil.copytree(standing.folder, home / "CHG1")
    standing.embedded.store.restore(before)
    return Change(home / "CHG1", home / "keep" / "CHG1", trusted, host)


@pytest.fixture
def signed(made: Change) -> Iterator[Change]:
    yield made
    made.restore()


def test_who_signed_what_is_said(signed: Change) -> None:
    assert signed.problems() == []
    assert len(signed.runs()) == 3
    words = ["verify-record", "--trusted-signers", str(signed.trusted), *map(str, signed.runs())]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    assert done.output.count("signed by host") == 6
    assert "approval-1.json, approval by Kim: signed by kim" in done.output
    done = CliRunner().invoke(cli, ["verify-record", str(signed.runs()[0])])
    assert (done.exit_code, f"signed by the key {signed.host.shown.key_id}" in done.output) == (0, True)


def test_an_unsigned_record_of_a_signed_change_is_said_where_nobody_says_whose_signatures_count(signed: Change) -> None:
    """The last run made anew by somebody without a key: its own digests fit."""
    last = signed.runs()[-1]
    words = ["verify-record", str(last)]
    assert "not signed" not in CliRunner().invoke(cli, words).stderr
    for part in SUFFIXES:
        (last / "MANIFEST.json").with_suffix(part).unlink(missing_ok=True)
    done = CliRunner().invoke(cli, words)
    assert "MANIFEST.json: not signed, although of this change" in done.stderr
    told = json.loads(CliRunner().invoke(cli, [*words, "--json"]).stdout)
    (record,) = told["records"]
    assert (record["record"], len(record["doubts"]), told["good"]) == (str(last), 1, record["problems"] == [])
    for approval in (signed.folder / "approvals").glob("*.dsse"):
        approval.unlink()
    assert "although of this change" in CliRunner().invoke(cli, words).stderr, "earlier runs are signed"
    done = CliRunner().invoke(cli, [*words, "--trusted-signers", str(signed.trusted)])
    assert (done.exit_code, "although" in done.stderr) == (5, False)


def test_no_key_is_in_any_file(signed: Change) -> None:
    for path in signed.folder.rglob("*"):
        assert not path.is_file() or b"PRIVATE KEY" not in path.read_bytes()


_ALTERED = ("byte", "cut", "longer", "gone", "of another")


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=st.data())
def test_any_alteration_of_any_file_is_named(made: Change, drawn: st.DataObject) -> None:
    found = (path.relative_to(made.folder) for path in made.folder.rglob("*") if path.is_file())
    paths = sorted(path for path in found if path.name != LOCK_FILE)  # says nothing, and is read by nobody
    path = made.folder / drawn.draw(st.sampled_from(paths))
    data = path.read_bytes()
    try:
        how = drawn.draw(st.sampled_from(_ALTERED))
        if how == "byte" and data:
            at = drawn.draw(st.integers(0, len(data) - 1))
            path.write_bytes(data[:at] + bytes([data[at] ^ drawn.draw(st.integers(1, 255))]) + data[at + 1 :])
        elif how == "cut" and data:
            path.write_bytes(data[: drawn.draw(st.integers(0, len(data) - 1))])
        elif how == "gone":
            path.unlink()
        elif how == "of another" and (other := made.folder / drawn.draw(st.sampled_from(paths))).read_bytes() != data:
            path.write_bytes(other.read_bytes())
        else:
            path.write_bytes(data + b"\n")
        # Nobody has to be trusted for it: what is there does not fit together any more.
        assert made.problems(trusted=False), f"{path}: {how}"
    finally:
        path.write_bytes(data)


def forge(signed: Change) -> None:
    """Another reason in the first run, and everything recomputed that anybody can recompute."""
    previous: dict[str, str] | None = None
    for run in signed.runs():
        facts = json.loads((run / "record.json").read_text("utf-8"))
        facts["gaps"].append("forged")
        (run / "record.json").write_text(
            json.dumps(facts, indent=2, sort_keys=True, ensure_ascii=False) + "\n", "utf-8"
        )
        sealed = json.loads((run / "MANIFEST.json").read_text("utf-8"))
        if previous is not None:
            sha256 = file_digest(run.with_name(previous["run_id"]) / "MANIFEST.json")
            (run / "PREVIOUS.sha256").write_text(previous_text(previous["run_id"], sha256))
        (run / "SHA256SUMS").write_text(sums_text(file_entries(run)))
        named = {key: sealed[key] for key in ("change_id", "run_id", "sealed_at")}
        (run / "MANIFEST.json").write_bytes(build_manifest(file_entries(run), **named, previous=previous))
        previous = {"run_id": run.name, "digest": manifest_digest(run)}


def unsign(signed: Change) -> None:
    for path in [*signed.folder.glob("*/MANIFEST.*"), signed.folder / "SEALED-RUNS.dsse"]:
        if path.suffix in SUFFIXES:
            path.unlink(missing_ok=True)


def sign_again(signed: Change) -> None:
    """With a key of one's own."""
    from runbook_lib.record.seal import _sign  # what a forger with this program would call

    unsign(signed)
    own = Signing(new_key(signed.trusted.parent, "mallory"))
    for run in signed.runs():
        data = (run / "MANIFEST.json").read_bytes()
        (run / "MANIFEST.json").unlink()
        _sign(RecordFolder(run), data, json.loads(data)["sealed_at"], own)
        (run / "MANIFEST.json").write_bytes(data)


@pytest.mark.parametrize(
    ("further", "named", "without_trust"),
    [
        (lambda _: None, "the signature is of another MANIFEST.json than this one", True),
        (unsign, "MANIFEST.json, sealed 2026", False),
        (sign_again, "which is not trusted", False),
    ],
)
def test_a_chain_that_was_recomputed_is_named(
    signed: Change, further: Callable[[Change], None], named: str, without_trust: bool
) -> None:
    forge(signed)
    further(signed)
    assert any(named in problem for problem in signed.problems())
    assert bool(signed.problems(trusted=False)) is without_trust


def test_a_last_run_that_was_removed_is_named(signed: Change) -> None:
    last = signed.runs()[-1]
    digest = manifest_digest(last)
    shutil.rmtree(last)
    gone = f"run {last.name}: sealed at "
    assert any(problem.startswith(gone) for problem in signed.problems(trusted=False))
    # Nor does it help to take the list away, or to make one of what is left.
    (signed.folder / "SEALED-RUNS.dsse").unlink()
    assert "SEALED-RUNS.dsse: missing, although this run is signed" in signed.problems(trusted=False)
    sign_again(signed)
    assert any("which is not trusted" in problem for problem in signed.problems())
    # Whoever noted the last digest needs no key.
    assert any(digest in problem for problem in signed.problems(trusted=False, last=digest))


def test_a_list_of_another_time_is_named_by_the_run_that_it_lacks(signed: Change, made: Change) -> None:
    """Somebody kept the list as it was before the last run."""
    last = signed.runs()[-1]
    shutil.move(last, signed.folder.parent / "aside")
    from runbook_lib.record.sealed_runs import write_sealed_runs

    (signed.folder / "SEALED-RUNS.dsse").unlink()
    first = signed.runs()[0]
    parts = {path.name: path.read_bytes() for path in first.glob("MANIFEST.*")}
    write_sealed_runs(RecordFolder(first), parts, "2026-11-22T06:00:01.000Z", made.host)
    shutil.move(signed.folder.parent / "aside", last)
    assert "SEALED-RUNS.dsse: does not name this run, which is sealed" in signed.problems()


def test_an_approval_that_was_edited_is_named_and_not_used(signed: Change, field: Field) -> None:
    path = next(signed.folder.glob("approvals/*.json"))
    content = json.loads(path.read_text("utf-8"))
    content["approver"] = "Somebody Else"
    from runbook_lib.model.ids import digest
    from runbook_lib.strict_file import whole_text

    del content["digest"]
    path.write_bytes(whole_text({**content, "digest": digest(content)}))
    assert any("signature is of another" in problem for problem in signed.problems(trusted=False))
    for part in SUFFIXES:
        path.with_suffix(part).unlink(missing_ok=True)
    assert f"approvals/{path.name}: not signed" in signed.problems()


def test_the_gate_counts_signatures_of_trusted_keys_alone(field: Field, tmp_path: Path) -> None:
    kim, mallory = new_key(tmp_path, "kim"), new_key(tmp_path, "mallory")
    trusted = told(trust_folder(tmp_path, kim=kim.shown.as_pem()))
    run, _ = field.run(**trusted)
    record = run.record.folder.path
    for key, why in ((None, "not signed"), (mallory, f"the key {mallory.shown.key_id}")):
        approve(field, record, key)
        _, error = field.run(**trusted)
        assert isinstance(error, AwaitingApproval)
        assert (error.code, why in error.message) == ("approver-not-allowed", True), error.message
    path = approve(field, record, kim)
    path.with_suffix(".pem").write_bytes(mallory.shown.as_pem())
    _, error = field.run(**trusted)
    assert isinstance(error, Refused)
    assert error.code == "approval-damaged"
    approve(field, record, kim)
    _, error = field.run(**trusted, approvers=["signer:ada"])
    assert error is not None
    assert error.code == "approver-not-allowed"
    done, error = field.run(**trusted, approvers=["signer:kim"])
    assert error is None
    approval: Any = done.record.facts["approval"]
    assert approval["key_id"] == kim.shown.key_id


def test_whoever_asks_may_not_approve_where_another_is_required(field: Field, tmp_path: Path) -> None:
    kim, host = new_key(tmp_path, "kim"), new_key(tmp_path, "host")
    both = trust_folder(tmp_path, kim=kim.shown.as_pem(), host=host.shown.as_pem())
    asked: dict[str, Any] = {"require_other_approver": True, **told(both, tmp_path / "host.pem")}

    def approved(key: SigningKey, ran_by: str, planner: str) -> str:
        field.clear()
        run = field.begin(**asked)
        run.record.set(ran_by={"account": planner, "host": "h"})
        with pytest.raises(AwaitingApproval) as caught:
            field.steps(run)
        run.ended_with(caught.value)
        path = approve(field, run.record.folder.path, key)
        again = field.begin(**asked)
        again.record.set(ran_by={"account": ran_by, "host": "h"})
        with pytest.MonkeyPatch.context() as patched:
            # The file belongs to the account of this process, which is that of the run as well.
            patched.setattr("runbook_lib.strict_file._account", lambda _: ("approvals", frozenset()))
            try:
                field.steps(again)
            except AwaitingApproval as error:
                again.ended_with(error)
                return error.message
        assert path.exists()
        return ""

    assert "require_other_approver" in approved(host, "svc", "svc")
    assert "require_other_approver" in approved(kim, "kim", "svc")
    assert "require_other_approver" in approved(kim, "svc", "Kim")
    assert "require_other_approver" in approved(kim, "approvals", "svc")
    assert approved(kim, "svc", "svc") == ""


def test_the_command_signs_and_refuses_what_the_gate_would(field: Field, tmp_path: Path) -> None:
    kim = new_key(tmp_path, "kim")
    trusted = trust_folder(tmp_path, kim=kim.shown.as_pem())
    run, _ = field.run(**told(trusted))
    record = run.record.folder.path
    facts = json.loads((record / "record.json").read_bytes())
    (record / "record.json").write_text(json.dumps(facts | {"parameters": told(trusted)}), "utf-8")
    words = ["approve", str(record), "--as", "Kim", "--phrase", planned(record, ROUTES).phrase]
    done = CliRunner().invoke(cli, words)
    assert (done.exit_code, "asks for a signature" in done.output) == (4, True), done.output
    done = CliRunner().invoke(cli, [*words, "--key", str(tmp_path / "kim.pem")])
    assert done.exit_code == 0, done.output
    (path,) = (record.parent / "approvals").glob("*.json")
    assert all(path.with_suffix(suffix).is_file() for suffix in (".dsse", ".pem"))


def test_a_list_that_was_altered_stops_the_next_sealing(field: Field, tmp_path: Path) -> None:
    host = Signing(new_key(tmp_path, "host"))
    run, _ = field.run()
    seal(run.record.folder, None, clock=lambda: field.now, signing=host)
    (field.folder / "SEALED-RUNS.dsse").write_text("{}")
    again, _ = field.run()
    with pytest.raises(Refused) as caught:
        seal(again.record.folder, None, clock=lambda: field.now, signing=host)
    assert caught.value.code == "sealed-runs-altered"
    assert not again.record.folder.sealed
    (field.folder / "SEALED-RUNS.dsse").unlink()
    seal(again.record.folder, None, clock=lambda: field.now, signing=host)
    assert verified_record(again.record.folder).problems == ()


def test_trust_in_nobody_names_nobody(signed: Change) -> None:
    folder = RecordFolder.open(signed.runs()[0])
    assert len(attested(folder, TrustedSigners()).problems) >= 2
    with pytest.raises(UsageError):
        read_trusted_signers(signed.folder / "none", parameter="--trusted-signers")
