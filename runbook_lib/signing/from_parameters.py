"""What the parameters say about signatures, read from their files: what signs, and whose signatures count."""

from __future__ import annotations

from pathlib import Path

from runbook_lib.parameters.model import Parameters
from runbook_lib.parameters.paths import resolve
from runbook_lib.signing.keys import read_signing_key
from runbook_lib.signing.signature import Signing
from runbook_lib.signing.time_stamp import StampSource, read_stamp_roots
from runbook_lib.signing.trust import TrustedSigners, read_trusted_signers


def signing_of(parameters: Parameters, root: Path) -> Signing | None:
    """What signs the records of a run; None where ``signing_key`` is empty.

    Args:
        parameters: Of the run.
        root: What relative paths resolve against.

    Raises:
        UsageError: The key cannot be used, or others may read it; the authority's certificates cannot be read.
    """
    if not parameters.signing_key:
        return None
    key = read_signing_key(resolve(parameters.signing_key, root), parameter="signing_key")
    if not parameters.time_stamp_url:
        return Signing(key)
    path = resolve(parameters.time_stamp_ca_file, root)
    roots = read_stamp_roots(path, parameter="time_stamp_ca_file")
    return Signing(key, StampSource(parameters.time_stamp_url, roots, path))


def trusted_of(parameters: Parameters, root: Path) -> TrustedSigners | None:
    """Whose signatures count; None where ``trusted_signers`` is empty.

    Raises:
        UsageError: The folder cannot be used, or others may write to it.
    """
    if not parameters.trusted_signers:
        return None
    return read_trusted_signers(resolve(parameters.trusted_signers, root), parameter="trusted_signers")
