"""What is counted about every device: how often it was asked, answered, lost, and where its connection stands."""

from dataclasses import dataclass
from enum import IntEnum


class LinkState(IntEnum):
    """Where a device's connection stands; a statistics value."""

    DOWN = 0
    CONNECTING = 1
    UP = 2
    WRONG_DEVICE = 3
    NOT_ADMITTED = 4  # the two do not trust each other: a certificate, a user, a password

    @property
    def word(self) -> str:
        """The state as interfaces say it."""
        return self.name.lower().replace("_", "-")


@dataclass(slots=True)
class DeviceStatistics:
    """Counters of one device since the start; times are monotonic ns, latencies ns.

    `requests` telegrams or service calls sent, `errors` of them not answered properly, `connects` successful ones,
    `disconnects` losses, `overruns` read jobs that began more than a period late, `writes` confirmed, `write_errors`
    not, `discarded` bytes or values thrown away because they could not be trusted, `answers` every sign of life.
    """

    state: LinkState = LinkState.DOWN
    requests: int = 0
    errors: int = 0
    connects: int = 0
    disconnects: int = 0
    overruns: int = 0
    writes: int = 0
    write_errors: int = 0
    discarded: int = 0
    answers: int = 0
    latency_last_ns: int = 0
    latency_most_ns: int = 0
    answer_ns: int = 0

    def answered(self, began_ns: int, now_ns: int) -> None:
        """Count a request that was answered."""
        self.requests += 1
        self.lived(now_ns)
        self.latency_last_ns = now_ns - began_ns
        self.latency_most_ns = max(self.latency_most_ns, self.latency_last_ns)

    def lived(self, now_ns: int) -> None:
        """Count a sign of life."""
        self.answers += 1
        self.answer_ns = now_ns

    def failed(self) -> None:
        """Count a request that was not."""
        self.requests += 1
        self.errors += 1
