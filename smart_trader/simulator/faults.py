"""Faults between a client and the API, and their time.

Faults(Fault("429-seconds", endpoint="trades", page="middle", times=2), Fault("404", address=wallet, times=None))
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, fields
from threading import Lock

ANSWERS = (
    "429-seconds", "429-date", "429-none", "500", "502", "503", "504", "401", "403", "404", "422", "400", "quota-400",
    "redirect", "html-200", "success-false", "empty-200", "null-data", "truncated-json", "corrupt-gzip", "gzip-bomb",
    "endless-cursor", "endless-rows",
)  # fmt: skip
"""Faults in the form of a whole answer."""
CONNECTION = (
    "refused", "connect-timeout", "read-timeout", "reset", "cut-off", "trickle", "oversized", "oversized-stream",
)  # fmt: skip
"""Faults of the connection."""
HELIUS = ("error-200", "not-stored", "stored-in-part")
"""Faults of webhooks: an error in a 200 body; an accepted write whose stored list is empty or shorter."""
KINDS = (*ANSWERS, *CONNECTION, *HELIUS)
ANSWERED_AFTER_THE_WRITE = {
    "502", "504", "read-timeout", "reset", "cut-off", "truncated-json", "corrupt-gzip", "empty-200", "html-200",
    "not-stored", "stored-in-part",
}  # fmt: skip
"""Faults after which a write to Helius has taken effect although the client cannot see it."""


@dataclass(frozen=True, slots=True)
class Fault:
    kind: str
    endpoint: str | None = None
    """`tokens`, `holders`, `trades` or `webhooks`."""
    address: str | None = None
    """The requested wallet, mint or webhook."""
    page: str | None = None
    """`first`, `middle` or `last`; a single page is both first and last."""
    call: int = 1
    """The number of the first matching call with the fault."""
    times: int | None = 1
    """The number of matching calls with the fault from then on; None: all of them."""
    seconds: float | None = None
    """Of `Retry-After`, of an outage, of a silence, or between two bytes of a trickle."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no such fault: {self.kind}; there are {', '.join(KINDS)}")
        if self.page not in (None, "first", "middle", "last"):
            raise ValueError(f"no such page: {self.page}; there are first, middle and last")

    @classmethod
    def parse(cls, text: str) -> "Fault":
        """The fault of a text such as `kind,endpoint=trades,page=middle,times=2`; `times=all` means all calls."""
        kind, *rest = text.split(",")
        given = dict(part.split("=", 1) for part in rest)
        unknown = set(given) - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"{text}: a fault has no {', '.join(sorted(unknown))}")
        return cls(
            kind,
            endpoint=given.get("endpoint"),
            address=given.get("address"),
            page=given.get("page"),
            call=int(given.get("call", 1)),
            times=None if given.get("times") == "all" else int(given.get("times", 1)),
            seconds=float(given["seconds"]) if "seconds" in given else None,
        )


class Faults:
    """A plan of faults. Each fault has a count of its matching calls; the first fault that is due applies."""

    def __init__(self, *plan: Fault) -> None:
        self._plan = plan
        self._matched = Counter[int]()
        self._lock = Lock()

    def due(self, endpoint: str, address: str | None, pages: Collection[str]) -> Fault | None:
        """The fault of this call. Each use of this method counts as one call."""
        with self._lock:
            hit = None
            for index, fault in enumerate(self._plan):
                if fault.endpoint not in (None, endpoint) or fault.address not in (None, address):
                    continue
                if fault.page is not None and fault.page not in pages:
                    continue
                self._matched[index] += 1
                nth = self._matched[index] - fault.call
                if hit is None and nth >= 0 and (fault.times is None or nth < fault.times):
                    hit = fault
            return hit
