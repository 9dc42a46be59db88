"""The kinds of identifiers that the contract names, and why an identifier may be ignored."""

from __future__ import annotations

from typing import Literal, get_args

IDENTIFIER_KINDS = ("email", "phone", "loyalty_card", "twitter", "device", "cookie")
"""Others are allowed; they are compared as they are written."""
ANONYMOUS = "anon:"
"""The beginning of an anonymous profile's name, and of no customer's; the identifier's kind and value follow."""
CUSTOMER_ID = "customer_id"
"""The field of a touchpoint beside its identifiers: where those are counted by kind, it counts as one."""
OTHER_KIND = "other"
"""What kinds are counted as that the contract does not name: producers choose their names."""
COUNTED_KINDS = (CUSTOMER_ID, *IDENTIFIER_KINDS, OTHER_KIND)

IgnoredReason = Literal["placeholder", "pattern", "malformed"]
"""Why an identifier is ignored: it stands where one should be; a setting's pattern says so; it is none of its kind."""
IGNORED_REASONS: tuple[IgnoredReason, ...] = get_args(IgnoredReason)
