"""Tells apart why a server cannot be reached: its name, its port, TLS, the certificate. Only the network is asked."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass

from touchline.doctor.check import Fault

ANSWER_S = 5.0

# X509_V_ERR_*, openssl/x509_vfy.h.
_UNKNOWN_ISSUER = {2, 18, 19, 20, 21}
_OTHER_NAME = {62, 64}
_NOT_NOW = {9: "is not valid yet", 10: "has expired"}


@dataclass(frozen=True)
class Endpoint:
    """Where a server should be, and which settings say so.

    Attributes:
        host, port: where.
        tls: the settings of TLS; None if it is not to be spoken.
        address: what names the host and the port.
        trust: what names the file with the certificates to trust.
        use_tls: what to do to speak TLS.
        use_none: what to do to speak none.
    """

    host: str
    port: int
    tls: ssl.SSLContext | None
    address: str
    trust: str
    use_tls: str
    use_none: str

    def __str__(self) -> str:
        """Return it as addresses have it."""
        return f"{self.host}:{self.port}"


def obstacle(endpoint: Endpoint) -> Fault | None:
    """Return why nothing can be said to a server; None if the way to it is free."""
    try:
        connection = _connect(endpoint)
    except OSError as error:
        return _unreached(endpoint, error)
    with connection:
        if endpoint.tls is not None:
            return _tls_obstacle(endpoint, connection, endpoint.tls)
    if speaks_tls(endpoint):
        return Fault(f"{endpoint} speaks TLS, and we do not", endpoint.use_tls)
    return None


def _unreached(endpoint: Endpoint, error: OSError) -> Fault:
    look = f"look at {endpoint.address}"
    if isinstance(error, socket.gaierror):
        return Fault(f"there is no host {endpoint.host}", look)
    if isinstance(error, ConnectionRefusedError):
        return Fault(f"nothing listens at {endpoint}", f"{look}, and whether the server runs")
    if isinstance(error, TimeoutError):
        return Fault(f"{endpoint} does not answer", f"{look}, and for a firewall in between")
    return Fault(f"{endpoint} is not reached ({error.strerror or error})", look)


def speaks_tls(endpoint: Endpoint) -> bool:
    """Return whether a server speaks TLS, whoever it is."""
    anyone = ssl.create_default_context()
    anyone.check_hostname = False
    anyone.verify_mode = ssl.CERT_NONE
    try:
        with _connect(endpoint) as connection, anyone.wrap_socket(connection):
            return True
    except OSError:
        return False


def _connect(endpoint: Endpoint) -> socket.socket:
    return socket.create_connection((endpoint.host, endpoint.port), timeout=ANSWER_S)


def _tls_obstacle(endpoint: Endpoint, connection: socket.socket, context: ssl.SSLContext) -> Fault | None:
    try:
        context.wrap_socket(connection, server_hostname=endpoint.host).close()
    except ssl.SSLCertVerificationError as error:
        return _distrusted(endpoint, error)
    except OSError as error:
        if speaks_tls(endpoint):
            return Fault(f"{endpoint} refuses our TLS", f"{getattr(error, 'reason', None) or error}")
        return Fault(f"{endpoint} speaks no TLS", f"{endpoint.use_none}, or take the port that speaks it")
    return None


def _distrusted(endpoint: Endpoint, error: ssl.SSLCertVerificationError) -> Fault:
    if error.verify_code in _UNKNOWN_ISSUER:
        what = f"the certificate of {endpoint} is of an authority that is not trusted"
        return Fault(what, f"name the file with the authority's certificate in {endpoint.trust}")
    if error.verify_code in _OTHER_NAME:
        what = f"the certificate of {endpoint} is for another name"
        return Fault(what, f"write a name that it is for in {endpoint.address}")
    if error.verify_code in _NOT_NOW:
        what = f"the certificate of {endpoint} {_NOT_NOW[error.verify_code]}"
        return Fault(what, "renew it, or set the clock right")
    return Fault(f"the certificate of {endpoint} is not accepted", error.verify_message)
