"""A time stamp authority of a rehearsal (RFC 3161), with a certificate authority of its own.

It answers at ``/time-stamp`` beside Graph. Only what a request and its answer need of ASN.1 is written here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from tornado.web import RequestHandler

from rehearsal.certificates import builder_of, key_usage, named
from rehearsal.directory.ber import BOOLEAN, INTEGER, SEQUENCE, SET, BerError, Reader, integer, octets, sequence, tlv

_OBJECT_ID, _NULL, _TIME = 0x06, b"\x05\x00", 0x18
_DATA_TYPE = "1.2.840.113549.1.9.16.1.4"
_SIGNED_DATA = "1.2.840.113549.1.7.2"
_CONTENT_TYPE, _MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
_SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.47"
_SHA256, _ECDSA = "2.16.840.1.101.3.4.2.1", "1.2.840.10045.4.3.2"
_POLICY = "1.3.6.1.4.1.13762.3"


class TimeStampAuthority:
    """Stamps what it is given, by its own clock.

    Args:
        clock: Answers aware datetimes.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        now = clock()
        root_key, self._key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        root_name = named("Contoso Rehearsal Time Stamp CA")
        root = _certificate(root_name, root_name, root_key, root_key, now, ca=True)
        name = named("Contoso Rehearsal Time Stamp Authority")
        self._certificate = _certificate(name, root_name, self._key, root_key, now, ca=False)
        self.ca_pem = root.public_bytes(serialization.Encoding.PEM)
        """Certificate that the stamps come from."""
        self._number = 0

    def answer(self, request: bytes) -> bytes:
        """The TimeStampResp to a TimeStampReq, both DER.

        Raises:
            BerError: The request is none, or of another hash than SHA-256.
        """
        whole = Reader(request).reader()
        whole.integer()
        imprint = tlv(SEQUENCE, whole.read(SEQUENCE)[1])
        nonce = b""
        certificates = False
        for tag, content in whole.elements():
            if tag == INTEGER:
                nonce = tlv(tag, content)
            elif tag == BOOLEAN:
                certificates = content != b"\x00"
        self._number += 1
        info = sequence(
            [
                integer(1),
                _oid(_POLICY),
                imprint,
                integer(self._number),
                tlv(_TIME, f"{self._clock().astimezone(UTC):%Y%m%d%H%M%SZ}".encode()),
                nonce,
            ]
        )
        return sequence([sequence([integer(0)]), self._token(info, with_certificate=certificates)])

    def _token(self, info: bytes, *, with_certificate: bool) -> bytes:
        der = self._certificate.public_bytes(serialization.Encoding.DER)
        attributes = sorted(
            [
                _attribute(_CONTENT_TYPE, _oid(_DATA_TYPE)),
                _attribute(_MESSAGE_DIGEST, octets(hashlib.sha256(info).digest())),
                # ESSCertIDv2 of SHA-256, which is its default (RFC 5035).
                _attribute(
                    _SIGNING_CERTIFICATE, sequence([sequence([sequence([octets(hashlib.sha256(der).digest())])])])
                ),
            ]
        )
        signed = sequence(attributes, SET)
        signer = sequence(
            [
                integer(1),
                sequence([self._certificate.issuer.public_bytes(), integer(self._certificate.serial_number)]),
                _algorithm(_SHA256),
                sequence(attributes, 0xA0),
                sequence([_oid(_ECDSA)]),
                octets(self._key.sign(signed, ec.ECDSA(hashes.SHA256()))),
            ]
        )
        content = sequence([_oid(_DATA_TYPE), tlv(0xA0, octets(info))])
        parts = [integer(3), tlv(SET, _algorithm(_SHA256)), content]
        parts += [tlv(0xA0, der)] if with_certificate else []
        return sequence([_oid(_SIGNED_DATA), tlv(0xA0, sequence([*parts, tlv(SET, signer)]))])


class TimeStampHandler(RequestHandler):
    """Answers as RFC 3161, 3.4 says."""

    def initialize(self, authority: TimeStampAuthority) -> None:
        """Which authority answers."""
        self._authority = authority

    def post(self) -> None:
        """One request."""
        try:
            answer = self._authority.answer(self.request.body)
        except BerError:
            self.set_status(400)
            return
        self.set_header("Content-Type", "application/timestamp-reply")
        self.finish(answer)

    def check_xsrf_cookie(self) -> None:
        """No browser comes here."""


def _certificate(
    name: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    by: ec.EllipticCurvePrivateKey,
    now: datetime,
    *,
    ca: bool,
) -> x509.Certificate:
    builder = (
        builder_of(name, issuer, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=0 if ca else None), critical=True)
        .add_extension(key_usage(certificates=ca), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
    )
    if not ca:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
    return builder.sign(by, hashes.SHA256())


def _attribute(name: str, value: bytes) -> bytes:
    return sequence([_oid(name), tlv(SET, value)])


def _algorithm(name: str) -> bytes:
    return sequence([_oid(name), _NULL])


def _oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    data = bytearray()
    for number in (first * 40 + second, *rest):
        part = [number & 0x7F]
        while number := number >> 7:
            part.append(0x80 | (number & 0x7F))
        data += bytes(reversed(part))
    return tlv(_OBJECT_ID, bytes(data))
