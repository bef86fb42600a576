"""Certificates for tests: a root of our own, and a signer below it."""

import subprocess
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

KINDS = {
    "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
    "RSA": lambda: rsa.generate_private_key(65537, 2048),
}
NOT_ALLOWED = {
    "secp256k1": lambda: ec.generate_private_key(ec.SECP256K1()),
    "short RSA": lambda: rsa.generate_private_key(65537, 1024),
}


class Chain(NamedTuple):
    """PEM: the signer's certificate and the root's; the signer's key; the root's certificate alone."""

    certificates: bytes
    key: bytes
    root: bytes


def _name(common):
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "The Shop"),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _usage(*, signs):
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _certificate(subject, issuer, public, by, *, is_root, begins, use=ExtendedKeyUsageOID.EMAIL_PROTECTION):
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=is_root, path_length=None), critical=True)
        .add_extension(_usage(signs=is_root), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
    )
    if not is_root:
        stamps = use == ExtendedKeyUsageOID.TIME_STAMPING
        builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=stamps)
    return builder.sign(by, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@cache
def chain(kind="P-256", *, days_ago=1):
    """A chain whose signer has a key of that kind, and whose certificates began to be valid so many days ago."""
    above, own = KINDS["P-256"](), (KINDS | NOT_ALLOWED)[kind]()
    begins = datetime.now(UTC) - timedelta(days=days_ago)
    root = _certificate("Root", "Root", above.public_key(), above, is_root=True, begins=begins)
    leaf = _certificate("Signer", "Root", own.public_key(), above, is_root=False, begins=begins)
    return Chain(certificates=leaf + root, key=pem(own), root=root)


def pem(key, password=None):
    form = serialization
    secret = form.BestAvailableEncryption(password) if password else form.NoEncryption()
    return key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, secret)


_AUTHORITY = """\
[tsa]
default_tsa = own
[own]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
certs = {folder}/root.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
"""


@contextmanager
def authority(folder):
    """The address of a timestamp authority (RFC 3161) on this machine, which OpenSSL answers for."""
    above, own, begins = KINDS["RSA"](), KINDS["RSA"](), datetime.now(UTC) - timedelta(days=1)
    leaf = ("Time", "Time's root", own.public_key(), above)
    files = {
        "root.pem": _certificate(
            "Time's root", "Time's root", above.public_key(), above, is_root=True, begins=begins
        ),
        "tsa.pem": _certificate(*leaf, is_root=False, begins=begins, use=ExtendedKeyUsageOID.TIME_STAMPING),
        "tsa.key": pem(own),
        "tsa.cnf": _AUTHORITY.format(folder=folder).encode(),
        "serial": b"01\n",
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            (folder / "query").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            reply = ["-reply", "-config", folder / "tsa.cnf", "-queryfile", folder / "query"]
            ran = subprocess.run(["openssl", "ts", *reply], capture_output=True, check=True)
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(ran.stdout)))
            self.end_headers()
            self.wfile.write(ran.stdout)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
