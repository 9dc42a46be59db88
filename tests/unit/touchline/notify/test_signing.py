"""Signatures: those of the standard, and of openssl; and what is no secret."""

from __future__ import annotations

import subprocess

import pytest

from touchline.notify.signing import secret_of, signed_headers

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105  # made up
MESSAGE, TIMESTAMP, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
"""KEY=$(echo MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw | base64 -d | xxd -p -c 99)
printf 'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}' |
  openssl dgst -sha256 -mac HMAC -macopt hexkey:$KEY -binary | base64"""


def test_the_signature_is_openssls() -> None:
    key = secret_of(SECRET)
    assert key is not None

    assert signed_headers(key, MESSAGE, TIMESTAMP, BODY) == {
        "webhook-id": MESSAGE,
        "webhook-timestamp": "1614265330",
        "webhook-signature": SIGNATURE,
    }


@pytest.mark.parametrize(
    "told", [(MESSAGE, TIMESTAMP + 1, BODY), (MESSAGE + "x", TIMESTAMP, BODY), (MESSAGE, TIMESTAMP, BODY + b" ")]
)
def test_id_time_and_body_are_all_signed(told: tuple[str, int, bytes]) -> None:
    key = secret_of(SECRET)
    assert key is not None

    assert signed_headers(key, *told)["webhook-signature"] != SIGNATURE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_",
        "whsec_c2hvcnQ=",
        "whsec_no base64 at all, though it is long enough",
        "whsec_" + "A" * 88,
    ],
)
def test_what_is_short_long_or_no_base64_is_no_secret(text: str) -> None:
    assert secret_of(text) is None


def test_what_the_advice_makes_is_a_secret() -> None:
    made = subprocess.run(
        ["sh", "-c", 'echo "whsec_$(openssl rand -base64 32)"'], capture_output=True, text=True, check=True
    )

    assert len(secret_of(made.stdout.strip()) or b"") == 32
