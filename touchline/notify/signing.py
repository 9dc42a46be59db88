"""Signs what is posted, so that its receiver knows who sent it, and when: the scheme of Standard Webhooks. Pure.

The signed text is `<id>.<timestamp>.<body>`, the signature HMAC-SHA-256, the key what stands behind `whsec_`, in base64
(https://www.standardwebhooks.com). A receiver that turns old timestamps away cannot be sent a recorded request again.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

SECRET_PREFIX = "whsec_"  # noqa: S105  # what all secrets begin with, and none
KEY_BYTES = range(24, 65)
"""How many a key has, as the standard says."""
SECRET_FORM = f"{SECRET_PREFIX} and {KEY_BYTES.start} to {KEY_BYTES.stop - 1} bytes in base64"
SECRET_ADVICE = 'Make one: echo "whsec_$(openssl rand -base64 32)"'  # noqa: S105  # how to make one, and none


def secret_of(text: str) -> bytes | None:
    """Return the key that a secret stands for; None if it is no secret."""
    try:
        key = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if text.startswith(SECRET_PREFIX) and len(key) in KEY_BYTES else None


def signed_headers(key: bytes, message_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """Return the headers that sign a body.

    Args:
        key: the secret's.
        message_id: the same for each attempt.
        timestamp_s: of this attempt, seconds since 1970.
        body: as it is sent.
    """
    signed = f"{message_id}.{timestamp_s}.".encode() + body
    signature = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": f"v1,{signature}",
    }
