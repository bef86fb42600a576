"""Signs files with a certificate and its private key."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from imgbuild import __version__
from imgbuild.credentials.claim import Claim
from imgbuild.digest import digest_bytes
from imgbuild.errors import TargetError, UsageError
from imgbuild.extras import need

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

# No file that is read or signed makes this machine ask others; what was signed is checked before it is given out.
LIBRARY: Mapping[str, Any] = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": True},
    "builder": {"thumbnail": {"enabled": False}},
}
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}


def need_library(what: str) -> None:
    """Raise TargetError where the library is missing."""
    need("c2pa", "c2pa-python", what, "c2pa")


class Signer:
    """One identity. chain: PEM, the signer's certificate first; key: PEM; timestamp: address of an authority.

    Raises UsageError where these are none, or do not go together.
    """

    def __init__(self, chain: bytes, key: bytes, timestamp: str = "") -> None:
        need_library("signing")
        import c2pa

        self.identity = digest_bytes(chain)
        self.timestamp = timestamp
        private = _private(key)
        _check(chain, private)
        info = c2pa.C2paSignerInfo(
            alg=getattr(c2pa.C2paSigningAlg, _algorithm(private)),
            sign_cert=chain,
            private_key=_pkcs8(private),
            ta_url=timestamp.encode() if timestamp else None,
        )
        try:
            self._signer = c2pa.Signer.from_info(info)
        except c2pa.C2paError as error:
            raise UsageError(f"the certificate can't sign: {error}", hint=_CERTIFICATES) from error
        self._context = c2pa.Context(settings=c2pa.Settings.from_dict(dict(LIBRARY)))

    def sign(self, data: bytes, claim: Claim) -> bytes:
        """The file with its credentials: other bytes every time, equal pixels. Raises TargetError."""
        import c2pa

        signed = io.BytesIO()
        try:
            builder = c2pa.Builder(json.dumps(claim.definition(__version__)), self._context)
            for item in claim.ingredients:
                told = {"title": item.title, "relationship": item.relationship, "label": item.label}
                builder.add_ingredient(json.dumps(told), item.mime, io.BytesIO(item.read()))
            builder.sign(self._signer, claim.mime, io.BytesIO(data), signed)
        except c2pa.C2paError as error:
            hint = "is the authority for timestamps there?" if self.timestamp else _CERTIFICATES
            raise TargetError(f"{claim.title} can't be signed: {error}", hint=hint) from error
        return signed.getvalue()


_CERTIFICATES = (
    "it takes a certificate for signing (not self-signed, with extended key usage), and those up to its root"
)


def _private(key: bytes) -> PrivateKeyTypes:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(key, None)
    except TypeError as error:
        raise UsageError(
            "the private key is encrypted", hint="decrypt it: `openssl pkey -in key.pem -out plain.pem`"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(
            "the private key can't be read", hint="give it as PEM, beginning with -----BEGIN PRIVATE KEY-----"
        ) from error


def _algorithm(private: PrivateKeyTypes) -> str:
    """The signature algorithm that goes with a key, of those that C2PA allows."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.name in _CURVES:
        return _CURVES[private.curve.name]
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return "ED25519"
    if isinstance(private, rsa.RSAPrivateKey) and private.key_size >= 2048:
        return "PS256"
    raise UsageError(
        "the private key is of a kind that content credentials don't allow",
        hint="make one on P-256, P-384 or P-521, of Ed25519, or of RSA with 2048 bits or more",
    )


def _pkcs8(private: PrivateKeyTypes) -> bytes:
    """The key in the one form that the library reads, whichever it came in."""
    from cryptography.hazmat.primitives import serialization as form

    return private.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())


def _check(chain: bytes, private: PrivateKeyTypes) -> None:
    """Raise UsageError where the first certificate is not the key's, or not valid today."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization as form

    try:
        certificates = x509.load_pem_x509_certificates(chain)
    except ValueError as error:
        raise UsageError(
            "the certificate can't be read", hint="give the chain as PEM, the signer's certificate first"
        ) from error

    def public(key: Any) -> bytes:
        der: bytes = key.public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo)
        return der

    own = certificates[0]
    if public(own.public_key()) != public(private.public_key()):
        raise UsageError(
            "the private key is not that of the certificate",
            hint="the signer's certificate comes first in the chain, then that which signed it",
        )
    if not own.not_valid_before_utc <= datetime.now(UTC) <= own.not_valid_after_utc:
        raise UsageError(
            f"the certificate was valid from {own.not_valid_before_utc:%Y-%m-%d}"
            f" to {own.not_valid_after_utc:%Y-%m-%d}",
            hint="get a new one",
        )
