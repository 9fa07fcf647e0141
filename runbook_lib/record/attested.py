"""Who signed a record and what it was written under, as far as trusted keys vouch for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509

from runbook_lib.change.approvals.file import approval_paths, read_approval_file
from runbook_lib.change.approvals.given import approvals_told
from runbook_lib.errors import Refused, RunbookError
from runbook_lib.files import APPROVALS, MANIFEST, RECORD, SEALED_RUNS
from runbook_lib.model.moment import moment_in, to_the_second
from runbook_lib.model.text import Text, first_of, t, verbatim
from runbook_lib.model.untrusted import printable
from runbook_lib.record import manifest
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.sealed_runs import read_sealed_runs
from runbook_lib.routes.registry import ROUTES
from runbook_lib.signing.envelope import APPROVAL_TYPE, MANIFEST_TYPE
from runbook_lib.signing.keys import ShownKey
from runbook_lib.signing.signature import ENVELOPE, STAMP, SUFFIXES, Signature, read_signature, signature_path
from runbook_lib.signing.time_stamp import read_time_stamp
from runbook_lib.signing.trust import TrustedSigners
from runbook_lib.strict_file import LARGEST_APPROVAL, LARGEST_PLAN, Unfit, read_plain

_CLOCKS_DIFFER = timedelta(minutes=10)
"""How much earlier a stamp may be than the host's own time of sealing."""


@dataclass(slots=True)
class Attested:
    """What the signatures of a record say, and what is wrong with them; one sentence each.

    ``doubts`` are what only a person can judge, where nobody said whose signatures count.
    """

    said: list[Text] = field(default_factory=list)
    problems: list[Text] = field(default_factory=list)
    doubts: list[Text] = field(default_factory=list)


def attested(
    folder: RecordFolder,
    trusted: TrustedSigners | None,
    *,
    authority: Sequence[x509.Certificate] = (),
    last: str = "",
) -> Attested:
    """Look at every signature of a sealed record, of its approvals, and of the list of sealed runs.

    Whether files are as they were sealed, ``verified_record`` says.

    Args:
        folder: The run's folder.
        trusted: Whose signatures count; None: a key is shown as it is, and nothing has to be signed.
        authority: Certificates that time stamps have to come from; none: a stamp is shown as it is.
        last: Digest of a run of this change as somebody noted it elsewhere; empty: none was noted.
    """
    found = Attested()
    try:
        sealed = manifest.read(folder.path)
    except (FileNotFoundError, manifest.DamagedManifest):
        return found
    at = moment_in(sealed["sealed_at"])
    if at is not None:
        _manifest(folder, found, trusted, authority, at)
        _list(folder, found, trusted)
    _approvals_of_run(folder, found, trusted)
    _approvals_beside(folder, found, trusted)
    if trusted is None:
        _unsigned_among_signed(folder, found)
    if last and not any(digest == last for digest in _digests(folder.change_folder)):
        found.problems.append(
            t("no run of this change has the digest {last}: the run that it was noted of is gone or changed", last=last)
        )
    return found


def _manifest(
    folder: RecordFolder,
    found: Attested,
    trusted: TrustedSigners | None,
    authority: Sequence[x509.Certificate],
    at: datetime,
) -> None:
    what = t("{name}, sealed {at}", name=MANIFEST, at=to_the_second(at.isoformat()))
    signature = _signature(folder.path / MANIFEST, MANIFEST_TYPE)
    stamped = _stamped(signature, found, authority, at) if signature is not None else None
    # A certificate has to be valid when it signed: a stamp proves when that was at the latest.
    _say(what, signature, found, trusted, stamped or at)


def _stamped(
    signature: Signature, found: Attested, authority: Sequence[x509.Certificate], sealed_at: datetime
) -> datetime | None:
    name = signature_path(Path(MANIFEST), STAMP).name
    if signature.stamp is None:
        if authority:
            found.problems.append(t("{name}: missing, there is no time stamp", name=name))
        return None
    try:
        stamp = read_time_stamp(signature.stamp, signature.envelope, authority)
    except Unfit as unfit:
        found.problems.append(t("{name}: {why}", name=name, why=unfit.why))
        return None
    at = to_the_second(stamp.at.isoformat())
    if stamp.authority is None:
        found.said.append(t("{name}: time stamp of {at}; whose it is was not asked", name=name, at=at))
        return None
    if stamp.at < sealed_at - _CLOCKS_DIFFER:
        found.problems.append(t("{name}: of {at}, before the record was sealed", name=name, at=at))
    found.said.append(t("{name}: there at {at}, says {authority}", name=name, at=at, authority=stamp.authority))
    return stamp.at


def _list(folder: RecordFolder, found: Attested, trusted: TrustedSigners | None) -> None:
    try:
        read = read_sealed_runs(folder.change_folder)
    except Unfit:
        return
    at = moment_in(read[0].at) if read else None
    if read is None or at is None:
        return
    runs = len(read[0].runs)
    _judge(t("{name}, {runs} sealed runs", name=SEALED_RUNS, runs=runs), read[1], found, trusted, at)


def _approvals_of_run(folder: RecordFolder, found: Attested, trusted: TrustedSigners | None) -> None:
    """The approvals that the run wrote under, as it kept them."""
    for number, approval in enumerate(_used(folder), start=1):
        name = kept_name(number)
        if not (folder.path / name).is_file():
            if trusted is not None or "key_id" in approval:
                found.problems.append(t("{name}: missing", name=name))
            continue
        try:
            plain = read_plain(folder.path / name, largest=LARGEST_APPROVAL)
            signature = read_signature(folder.path / name, plain.data, APPROVAL_TYPE)
        except (FileNotFoundError, Unfit) as error:
            found.problems.append(error.why if isinstance(error, Unfit) else t("{name}: missing", name=name))
            continue
        if plain.sha256 != approval.get("sha256"):
            found.problems.append(t("{name}: not the approval that {record} names", name=name, record=RECORD))
        key_id = signature.shown.key_id if signature else None
        if key_id != approval.get("key_id"):
            found.problems.append(t("{name}: signed by another key than {record} names", name=name, record=RECORD))
        at = moment_in(approval.get("approved"))
        who = printable(str(approval.get("approver")), limit=80)
        _say(t("{name}, approval by {who}", name=name, who=who), signature, found, trusted, at)


def _approvals_beside(folder: RecordFolder, found: Attested, trusted: TrustedSigners | None) -> None:
    """The approvals of the change as they lie there now: each has to be what ``gwb approve`` wrote."""
    try:
        paths = approval_paths(folder.approvals_folder)
    except Refused as refused:
        found.problems.append(refused.message)
        return
    known = {path.stem for path in paths}
    for part in sorted(folder.approvals_folder.glob("*")):
        if part.suffix in SUFFIXES and part.stem not in known:
            found.problems.append(t("{name}: signs an approval that is not there", name=f"{APPROVALS}/{part.name}"))
    for path in paths:
        name = f"{path.parent.name}/{path.name}"
        try:
            content, facts = read_approval_file(path, ROUTES)
        except RunbookError as error:
            found.problems.append(t("{name}: {why}", name=name, why=error.message))
            continue
        if trusted is None:
            continue
        if facts.signature is None:
            found.problems.append(t("{name}: not signed", name=name))
        elif trusted.name_of(facts.signature.shown, content.since) is None:
            found.problems.append(_unknown(verbatim(name), facts.signature.shown))


def _unsigned_among_signed(folder: RecordFolder, found: Attested) -> None:
    """A record that nobody signed in a change where others were: whoever altered all of it has no key to sign with."""
    manifest_envelope = signature_path(Path(MANIFEST), ENVELOPE).name
    if (folder.path / manifest_envelope).is_file():
        return
    signed = [
        *(folder.path / kept_name(number) for number, one in enumerate(_used(folder), start=1) if one.get("key_id")),
        *(path.with_suffix(".json") for path in sorted(folder.approvals_folder.glob(f"*{ENVELOPE}"))),
        *(path.with_name(MANIFEST) for path in sorted(folder.change_folder.glob(f"*/{manifest_envelope}"))),
    ]
    if signed:
        found.doubts.append(
            t(
                "{manifest}: not signed, although of this change {names} is: it may have been made anew by somebody "
                "without a key. --trusted-signers says whose signatures count, and refuses it.",
                manifest=MANIFEST,
                names=first_of([path.relative_to(folder.change_folder).as_posix() for path in signed], 3),
            )
        )


def _say(
    what: Text, signature: Signature | None, found: Attested, trusted: TrustedSigners | None, at: datetime | None
) -> None:
    if signature is not None and at is not None:
        _judge(what, signature.shown, found, trusted, at)
    elif trusted is not None:
        found.problems.append(t("{what}: not signed", what=what))
    else:
        found.said.append(t("{what}: not signed", what=what))


def _judge(what: Text, shown: ShownKey, found: Attested, trusted: TrustedSigners | None, at: datetime) -> None:
    if trusted is None:
        found.said.append(
            t("{what}: signed by the key {key_id}; whose it is was not asked", what=what, key_id=shown.key_id)
        )
    elif name := trusted.name_of(shown, at):
        found.said.append(t("{what}: signed by {name}", what=what, name=printable(name, limit=200)))
    else:
        found.problems.append(_unknown(what, shown))


def _unknown(what: Text, shown: ShownKey) -> Text:
    return t(
        "{what}: signed by the key {key_id}, which is not trusted (or was not at that time)",
        what=what,
        key_id=shown.key_id,
    )


def kept_name(number: int) -> str:
    """Name in a record of the approval that it was written under, counted from 1."""
    return f"approval-{number}.json"


def _signature(path: Path, payload_type: str) -> Signature | None:
    """The signature of a file; None also where it does not fit, which ``verified_record`` says."""
    try:
        return read_signature(path, read_plain(path, largest=LARGEST_PLAN).data, payload_type)
    except (FileNotFoundError, Unfit):
        return None


def _used(folder: RecordFolder) -> Iterator[Mapping[str, Any]]:
    try:
        approval = folder.read_json(RECORD).get("approval")
    except RunbookError:
        return
    yield from approvals_told(approval)


def _digests(change_folder: Path) -> Iterator[str]:
    for path in sorted(change_folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            try:
                yield str(manifest.read(path)["digest"])
            except (FileNotFoundError, manifest.DamagedManifest):
                continue
