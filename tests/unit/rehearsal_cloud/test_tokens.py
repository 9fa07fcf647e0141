"""Signatures of access tokens and client assertions."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from rehearsal.cloud.tokens import (
    InvalidTokenError,
    TokenSigner,
    check_signature,
    decode_part,
    encode_part,
    sign_token,
    split_token,
)


@pytest.fixture(scope="module")
def signer() -> TokenSigner:
    return TokenSigner()


def test_a_token_gives_its_claims_back(signer: TokenSigner) -> None:
    assert signer.claims_of(signer.sign({"roles": ["Group.Read.All"], "exp": 5})) == {
        "roles": ["Group.Read.All"],
        "exp": 5,
    }


def test_a_changed_claim_breaks_the_signature(signer: TokenSigner) -> None:
    header, _, signature = signer.sign({"roles": []}).split(".")
    forged = encode_part(json.dumps({"roles": ["Directory.ReadWrite.All"]}).encode())
    with pytest.raises(InvalidTokenError):
        signer.claims_of(f"{header}.{forged}.{signature}")


def test_a_token_of_another_key_is_refused(signer: TokenSigner) -> None:
    with pytest.raises(InvalidTokenError):
        signer.claims_of(TokenSigner().sign({"exp": 5}))


@pytest.mark.parametrize("algorithm", ["none", "HS256", None])
def test_an_unsigned_or_symmetric_token_is_refused(signer: TokenSigner, algorithm: str | None) -> None:
    header = encode_part(json.dumps({"alg": algorithm}).encode())
    with pytest.raises(InvalidTokenError):
        signer.claims_of(f"{header}.{encode_part(b'{}')}.")


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c.d", "!.!.!", f"{encode_part(b'[]')}.{encode_part(b'{}')}.x"])
def test_text_that_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(InvalidTokenError):
        split_token(text)


def test_deeply_nested_json_is_refused_not_fatal() -> None:
    with pytest.raises(InvalidTokenError):
        split_token(f"{encode_part(b'[' * 100_000)}.{encode_part(b'{}')}.x")


def test_parts_survive_without_padding() -> None:
    for length in range(5):
        data = bytes(range(length))
        assert decode_part(encode_part(data)) == data


def test_rs256_of_our_own_making_is_accepted() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    check_signature(sign_token({"x5t": "abc"}, {"iss": "me"}, key), key.public_key())
