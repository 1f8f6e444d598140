"""What one client may ask of a server that others need too."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits of a service.

    Attributes
    ----------
    body : int
        Bytes of one request.
    rows : int
        Rows of one request.
    seconds : float
        For one request, from its first byte to its answer.
    """

    body: int = 16 * 2**20
    rows: int = 100_000
    seconds: float = 30.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise ValueError(f"a limit must be more than zero, got {name}={value!r}")
