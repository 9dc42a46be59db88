"""Certificates for servers that speak TLS: each signs itself, so that its own file is what to trust."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from servers.programs import find_program

DAYS = 2


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key, as files in PEM format.

    Attributes:
        file: the certificate; who trusts it trusts the server.
        both: the key, then the certificate.
    """

    file: Path
    both: Path


def make_certificate(folder: Path, name: str) -> Certificate:
    """Return a new certificate for a host's name, kept in `folder`.

    Raises:
        ServerMissingError: OpenSSL is not installed.
    """
    openssl = find_program("openssl", "install Debian's package openssl")
    folder.mkdir(parents=True, exist_ok=True)
    key, file, both = folder / "key.pem", folder / "certificate.pem", folder / "both.pem"
    request = f"req -x509 -nodes -newkey rsa:2048 -days {DAYS} -subj /CN={name}"
    # Python 3.13 takes no authority without its usage.
    extensions = f"-addext subjectAltName=DNS:{name} -addext keyUsage=digitalSignature,keyCertSign"
    subprocess.run(  # noqa: S603  # a test's own words
        [openssl, *request.split(), *extensions.split(), "-keyout", str(key), "-out", str(file)],
        check=True,
        capture_output=True,
    )
    both.write_text(key.read_text() + file.read_text())
    return Certificate(file, both)
