"""RFC 3161 time stamps: asked for over HTTP (RFC 3161, 3.4), and checked offline against the authority's certificates.

A stamp proves that the bytes it is of were there at that time. It is signed, so it may be fetched over plain http.
"""

from __future__ import annotations

import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import Message
from hashlib import sha256
from http.client import HTTPException
from pathlib import Path
from typing import IO

from cryptography import x509

from runbook_lib.errors import ServiceFailed, UsageError
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import printable
from runbook_lib.secrets.sources import LARGEST_PEM
from runbook_lib.strict_file import Unfit, read_plain

LARGEST_STAMP = 256 * 1024
"""Bytes of an answer: a token with a few certificates has less than ten thousand."""
_ANSWER_SECONDS = 30
"""How long the authority may take for all of its answer."""
_SHA256 = "2.16.840.1.101.3.4.2.1"


@dataclass(frozen=True, slots=True)
class TimeStamp:
    """A stamp that fits: when, and whose. ``authority`` is None where no certificates were given to check it with."""

    at: datetime
    authority: str | None


@dataclass(frozen=True, slots=True)
class StampSource:
    """Asks one authority for time stamps.

    Attributes:
        url: Its address, http or https.
        roots: Certificates that its stamps have to come from.
        ca_file: The file that holds them, which may vouch for its https address too.
    """

    url: str
    roots: tuple[x509.Certificate, ...]
    ca_file: Path

    def __call__(self, data: bytes) -> bytes:
        """A time stamp of ``data``, DER, checked.

        Raises:
            ServiceFailed: ``time-stamp``: no answer, or one that does not fit.
        """
        from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

        request = TimestampRequestBuilder().data(data).hash_algorithm(HashAlgorithm.SHA256).nonce(nonce=True).build()
        answer = self._answer(request.as_bytes())
        try:
            read_time_stamp(answer, data, self.roots, nonce=request.nonce)
        except Unfit as unfit:
            raise self._failed(unfit.why) from None
        return answer

    def _answer(self, request: bytes) -> bytes:
        context = ssl.create_default_context()
        opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _NoRedirect())
        asked = urllib.request.Request(  # noqa: S310 - http and https alone are let through the parameters
            self.url, request, {"Content-Type": "application/timestamp-query"}, method="POST"
        )
        end = time.monotonic() + _ANSWER_SECONDS
        data = b""
        try:
            context.load_verify_locations(self.ca_file)
            with opener.open(asked, timeout=_ANSWER_SECONDS) as response:
                if response.headers.get_content_type() != "application/timestamp-reply":
                    raise self._failed(t("its answer is no time stamp"))
                while part := response.read1(65_536):
                    data += part
                    if len(data) > LARGEST_STAMP or time.monotonic() > end:
                        raise self._failed(t("its answer is too large or takes too long"))
        except urllib.error.HTTPError as error:
            error.close()
            raise self._failed(t("it answers with HTTP {status}", status=error.code)) from None
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            why = getattr(reason, "strerror", None) or str(reason) or type(error).__name__
            raise self._failed(t("it does not answer ({why})", why=printable(str(why), limit=200))) from None
        return data

    def _failed(self, why: Text) -> ServiceFailed:
        return ServiceFailed(
            t("No time stamp from {url}: {why}.", url=self.url, why=why),
            code="time-stamp",
            hint=t("Try again with gwb seal when it answers, or check time_stamp_url and time_stamp_ca_file."),
            values={"url": self.url},
        )


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """An authority is asked at the address that the parameters name and nowhere else."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        """None: the answer with the redirect is reported as it is."""


def read_time_stamp(
    stamp: bytes, data: bytes, roots: Sequence[x509.Certificate] = (), *, nonce: int | None = None
) -> TimeStamp:
    """What a time stamp says, after checking that it is of these bytes.

    Args:
        stamp: TimeStampResp, DER.
        data: What it has to be of.
        roots: Certificates that it has to come from; none: whose it is is not asked.
        nonce: Number that the request had.

    Raises:
        Unfit: It is none, of other bytes, not granted, or not from these certificates (valid when it was made).
    """
    from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

    try:
        response = decode_timestamp_response(stamp)
        info = response.tst_info
        imprint = info.message_imprint
        whole = response.as_bytes() == stamp
    except ValueError:
        raise Unfit(t("it is no time stamp that was granted")) from None
    if not whole:
        raise Unfit(t("it was changed after it was written"))
    if imprint.hash_algorithm.dotted_string != _SHA256 or imprint.message != sha256(data).digest():
        raise Unfit(t("it is a time stamp of something else"))
    at = info.gen_time
    if not roots:
        return TimeStamp(at, None)
    builder = VerifierBuilder(roots=list(roots), nonce=nonce)
    try:
        builder.build().verify_message(response, data)
    except (VerificationError, ValueError):
        raise Unfit(t("it is not from the time stamp authority that is trusted")) from None
    return TimeStamp(at, roots[0].subject.rfc4514_string())


def read_stamp_roots(path: Path, *, parameter: str) -> tuple[x509.Certificate, ...]:
    """The certificates of a time stamp authority, from a PEM file.

    Raises:
        UsageError: ``time-stamp-ca``: no such file, or no certificate in it.
    """
    try:
        found = tuple(x509.load_pem_x509_certificates(read_plain(path, largest=LARGEST_PEM).data))
    except FileNotFoundError:
        why = t("there is no such file")
    except Unfit as unfit:
        why = unfit.why
    except ValueError:
        why = t("it holds no certificate")
    else:
        return found
    raise UsageError(
        t("The certificates of the time stamp authority, {path}, cannot be read: {why}.", path=path, why=why),
        code="time-stamp-ca",
        hint=t("{parameter} names a PEM file with the certificate that its stamps come from.", parameter=parameter),
        values={"path": str(path), "parameter": parameter},
    )
