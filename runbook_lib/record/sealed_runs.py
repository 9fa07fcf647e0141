"""``SEALED-RUNS.dsse``: which runs of a change were sealed, signed by whoever sealed the last one.

Each manifest names the one before it, so a run that is taken away from the middle shows. This list shows the last one
too: whoever has no key cannot make a list without it. (Whoever kept an older list can put that back: keep the last
digest somewhere else as well.) Its payload holds the key that signed it, so the file is complete or absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from runbook_lib.errors import Refused
from runbook_lib.files import MANIFEST, SEALED_RUNS
from runbook_lib.model.text import Text, t
from runbook_lib.record import folder as files
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.formats.common import Digest, Format, Something, Time
from runbook_lib.record.manifest_files import manifest_parts
from runbook_lib.signing.envelope import SEALED_RUNS_TYPE, read_envelope
from runbook_lib.signing.keys import ShownKey, SigningKey, read_shown_key
from runbook_lib.signing.signature import signed_envelope
from runbook_lib.strict_file import LARGEST_PLAN, Unfit, read_plain, strict_json, whole_text

SEALED_RUNS_SCHEMA = "gwb-sealed-runs/1"


class SealedRun(Format):
    """One run that was sealed: SHA-256 of its manifest and of what signs it, by the names of the files."""

    run_id: Something
    sealed_at: Time
    files: dict[Literal["MANIFEST.json", "MANIFEST.dsse", "MANIFEST.pem", "MANIFEST.tsr"], Digest]


class SealedRuns(Format):
    """What the list holds."""

    schema_: Literal["gwb-sealed-runs/1"]
    change_id: Something
    at: Time
    key: Something
    runs: list[SealedRun]


def read_sealed_runs(change_folder: Path) -> tuple[SealedRuns, ShownKey] | None:
    """The list of a change and the key that signed it; None where there is none.

    Raises:
        Unfit: It is not what this program wrote, or its key did not sign it.
    """
    try:
        data = read_plain(change_folder / SEALED_RUNS, largest=2 * LARGEST_PLAN).data
    except FileNotFoundError:
        return None
    envelope = read_envelope(data)
    try:
        content = strict_json(envelope.payload)
        found = SealedRuns.model_validate({("schema_" if key == "schema" else key): content[key] for key in content})
    except (ValidationError, TypeError):
        raise Unfit(t("it is no list of sealed runs")) from None
    shown = read_shown_key(found.key.encode())
    fits = envelope.payload_type == SEALED_RUNS_TYPE and envelope.key_id == shown.key_id
    if not fits or not shown.signed(envelope.signature, envelope.signed_bytes):
        raise Unfit(t("its signature is forged: the key in it did not make it"))
    if found.change_id != change_folder.name:
        raise Unfit(t("it was written for the change {change_id}", change_id=found.change_id))
    return found, shown


def write_sealed_runs(folder: RecordFolder, parts: Mapping[str, bytes], sealed_at: str, key: SigningKey) -> None:
    """Add the run that is being sealed to the list of its change.

    Args:
        folder: The run's folder.
        parts: Its manifest and what signs it, by the names of the files.
        sealed_at: When it is sealed, ISO 8601.
        key: What signs the list.

    Raises:
        Refused: ``sealed-runs-altered``: the list that is there is not what was signed.
        ServiceFailed: ``record-write``.
    """
    runs = {run.run_id: run.model_dump() for run in _before(folder.change_folder)}
    runs[folder.run_id] = {
        "run_id": folder.run_id,
        "sealed_at": sealed_at,
        "files": {name: sha256(data).hexdigest() for name, data in parts.items()},
    }
    payload = whole_text(
        {
            "schema": SEALED_RUNS_SCHEMA,
            "change_id": folder.change_id,
            "at": sealed_at,
            "key": key.shown.as_pem().decode(),
            "runs": sorted(runs.values(), key=lambda run: (run["sealed_at"], run["run_id"])),
        }
    )
    files.write_atomically(folder.change_folder / SEALED_RUNS, signed_envelope(key, SEALED_RUNS_TYPE, payload))


def _before(change_folder: Path) -> list[SealedRun]:
    """Runs of the list as it is, and runs that were sealed before anything was signed."""
    try:
        found = read_sealed_runs(change_folder)
    except Unfit as unfit:
        raise Refused(
            t(
                "The list of sealed runs {path} is not what was signed: {why}.",
                path=change_folder / SEALED_RUNS,
                why=unfit.why,
            ),
            code="sealed-runs-altered",
            hint=t("Find out who changed it, bring it back from a copy or move it away, and seal the record again."),
            values={"path": str(change_folder / SEALED_RUNS)},
        ) from None
    if found is not None:
        return found[0].runs
    runs = []
    for path in sorted(change_folder.iterdir()):
        parts = {} if path.is_symlink() else manifest_parts(path)
        try:
            sealed_at = strict_json(parts[MANIFEST])["sealed_at"]
            sums = {name: sha256(data).hexdigest() for name, data in parts.items()}
            runs.append(SealedRun.model_validate({"run_id": path.name, "sealed_at": sealed_at, "files": sums}))
        except (KeyError, TypeError, ValueError):  # open, or damaged, which its own verification says
            continue
    return runs


def sealed_runs_problems(folder: RecordFolder, *, signed: bool) -> list[Text]:
    """Runs that are gone, and what signs this one where it is not what was signed.

    Args:
        folder: A sealed run.
        signed: Whether its manifest is.
    """
    try:
        found = read_sealed_runs(folder.change_folder)
    except Unfit as unfit:
        return [t("{name}: {why}", name=SEALED_RUNS, why=unfit.why)]
    if found is None:
        return [t("{name}: missing, although this run is signed", name=SEALED_RUNS)] if signed else []
    problems = []
    for run in found[0].runs:
        path = folder.change_folder / run.run_id
        if Path(run.run_id).name != run.run_id or not (path / MANIFEST).is_file():
            problems.append(
                t("run {run_id}: sealed at {at}, and not there any more", run_id=run.run_id, at=run.sealed_at)
            )
    own = next((run.files for run in found[0].runs if run.run_id == folder.run_id), None)
    if own is None:
        return [*problems, t("{name}: does not name this run, which is sealed", name=SEALED_RUNS)]
    present = {name: sha256(data).hexdigest() for name, data in manifest_parts(folder.path).items()}
    for name in sorted(own.keys() | present.keys()):
        if name not in present:
            problems.append(t("{name}: missing", name=name))
        elif name not in own:
            problems.append(t("{name}: added after sealing", name=name))
        elif own[name] != present[name]:
            problems.append(t("{name}: changed, it is not the one that was signed", name=name))
    return problems
