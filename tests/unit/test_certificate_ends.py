"""The end of a certificate is told in time, once for each of its last steps, and taken back when it was renewed."""

from types import SimpleNamespace

import pytest

from plantctl.app.certificates import Application, make_pair
from plantctl.drivers._opcua_admission import Admission
from plantctl.drivers._opcua_security import Security

HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS
NOW_NS = 1_800_000_000 * 10**9


class Port:
    """What `Admission.look` needs: a clock that is set, and what was told."""

    def __init__(self):
        self.device = SimpleNamespace(name="PLC-4", connect="opc.tcp://plc-4:4840")
        self.secrets = None
        self.passed_ns = 0
        self.clock = SimpleNamespace(monotonic_ns=lambda: self.passed_ns, utc_ns=lambda: NOW_NS + self.passed_ns)
        self.troubled = {}
        self.told = []

    def trouble(self, point, text, kind, cause):
        if self.troubled.get(point) != cause:
            self.troubled[point] = cause
            self.told.append((self.passed_ns // DAY_NS, text))

    def mended(self, point):
        if self.troubled.pop(point, None):
            self.told.append((self.passed_ns // DAY_NS, "over"))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    application = Application("bench", "urn:bench", ["localhost"])
    folders = (tmp_path_factory.mktemp("short"), tmp_path_factory.mktemp("long"))
    return tuple(make_pair(f, application, NOW_NS, days=d) for f, d in zip(folders, (40, 700), strict=True))


def test_the_end_is_told_at_thirty_seven_and_one_days_and_when_it_is_there(certificates):
    port = Port()
    admission = Admission(port, Security(policy="Basic256Sha256", mode="SignAndEncrypt"), "plc-4")
    admission._watched = certificates
    for _ in range(42 * 24):
        admission.look()
        port.passed_ns += HOUR_NS
    assert [day for day, _ in port.told] == [10, 33, 39, 40]
    assert all("own.der ends on" in text and "renew it" in text for _, text in port.told)
    admission._watched = certificates[1:]
    admission.look()
    assert len(port.told) == 4


def test_it_is_looked_at_once_an_hour(certificates):
    port = Port()
    admission = Admission(port, Security(policy="Basic256Sha256", mode="SignAndEncrypt"), "plc-4")
    admission.look()
    admission._watched = certificates
    port.passed_ns = 35 * DAY_NS
    admission.look()
    port.passed_ns += HOUR_NS - 1
    port.troubled.clear()
    admission.look()
    assert len(port.told) == 1
    port.passed_ns += 1
    admission.look()
    assert len(port.told) == 2
