"""E-mail addresses, as settings and profiles name them."""

from __future__ import annotations

import re

# What SES takes: no display name, and ASCII before the at sign.
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+\.[A-Za-z0-9-]+")


def bare_address(address: str) -> str:
    """A bare e-mail address as given; raises ``ValueError`` for anything else."""
    if not _ADDRESS.fullmatch(address):
        raise ValueError(
            f"{address!r} is no bare e-mail address; write addresses such as reader@example.org"
        )
    return address
