"""`plantctl certs`: pairs that are never lost, trust that a person gave, a check that finds what the driver would."""

import io
import os
import re
import stat

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from plantctl.app.certificates import Application, make_pair
from plantctl.cli.main import main
from plantctl.core.clock import RealClock
from plantctl.drivers._certificates import read_certificate, read_pair

DAY_NS = 86_400 * 10**9
PLANT = """\
plant: {name: Bench 1}
tasks: {fast: 100 ms}
area: 10
devices:
  PLC-1: {kind: opcua, profile: s7-plc, connect: "opc.tcp://plc-1:4840", security: SECURITY}
tags:
  FI-1: {device: PLC-1, item: MEASURED, service: flow, unit: m3/h, range: [0, 1]}
"""
SECURE = "{policy: Basic256Sha256, mode: SignAndEncrypt, user: ada, password_file: plc-1.password}"


@pytest.fixture(scope="module")
def peer(tmp_path_factory):
    """The certificate of a peer, in a file."""
    folder = tmp_path_factory.mktemp("peer")
    return make_pair(folder, Application("PLC one", "urn:plc-1", ["plc-1"]), RealClock().utc_ns())


class Bench:
    """A plant with one device, its security folder, and the verb."""

    def __init__(self, folder, capsys, security=SECURE):
        self.plant = folder / "plant"
        self.plant.mkdir()
        (self.plant / "plant.yaml").write_text(PLANT.replace("SECURITY", security))
        self.state = folder / "state"
        self.folder = self.state / "Bench-1" / "security"
        self.capsys = capsys

    def certs(self, do, *words):
        code = main(["certs", do, str(self.plant), *map(str, words), "--state", str(self.state)])
        said = self.capsys.readouterr()
        return code, said.out + said.err


@pytest.fixture
def bench(tmp_path, capsys):
    return Bench(tmp_path, capsys)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_pair_is_made_for_the_plant_with_all_that_an_application_needs(bench):
    code, said = bench.certs("make", "--host", "Control-1", "--host", "10.0.0.7", "--days", 400, "--bits", 3072)
    assert code == 0
    pair = read_pair(bench.folder / "own.der", bench.folder / "own.key")
    made = pair.certificate
    assert (made.applications, made.hosts) == (["urn:control-1:plantctl:bench-1"], ["Control-1", "10.0.0.7"])
    assert (pair.key.key_size, round(made.days_left(RealClock().utc_ns()))) == (3072, 400)
    assert mode(bench.folder) == mode(bench.folder.parent) == 0o700
    assert mode(bench.folder / "own.key") == 0o600
    usage = made.parsed.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert usage.content_commitment
    assert usage.key_encipherment
    assert usage.data_encipherment
    extended = made.parsed.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(extended) == {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH}
    assert re.sub(r"\s", "", said).count(made.fingerprint) == 1
    assert "PRIVATE" not in said


def test_a_pair_is_kept_unless_another_is_asked_for_and_then_put_aside(bench):
    bench.certs("make")
    before = (bench.folder / "own.der").read_bytes(), (bench.folder / "own.key").read_bytes()
    code, said = bench.certs("make")
    assert (code, "not overwritten; --renew" in said) == (1, True)
    assert ((bench.folder / "own.der").read_bytes(), (bench.folder / "own.key").read_bytes()) == before
    assert bench.certs("make", "--renew")[0] == 0
    assert read_pair(bench.folder / "own.der", bench.folder / "own.key").certificate.der != before[0]
    aside = sorted(bench.folder.glob("*.before-*"))
    assert tuple(path.read_bytes() for path in aside) == before
    assert mode(aside[1]) == 0o600


@pytest.mark.parametrize("words", [("--bits", "1024"), ("--days", "0"), ("--days", "4000")])
def test_a_weak_or_endless_certificate_is_not_made(bench, words):
    assert bench.certs("make", *words)[0] == 1
    assert not bench.folder.exists()


def test_a_file_is_trusted_under_its_name_and_its_fingerprint_is_shown(bench, peer):
    code, said = bench.certs("trust", peer.where)
    assert code == 0
    assert re.sub(r"\s", "", said).count(peer.fingerprint) == 1
    [path] = (bench.folder / "trusted").iterdir()
    assert (path.name, read_certificate(path).der) == (f"PLC-one-{peer.fingerprint[:8]}.der", peer.der)
    assert bench.certs("trust", peer.where, "--name", "again")[0] == 0
    assert list((bench.folder / "trusted").iterdir()) == [path]


def test_a_fingerprint_that_is_not_the_files_trusts_nothing(bench, peer):
    code, said = bench.certs("trust", peer.where, "--fingerprint", "00" * 32)
    assert (code, "nothing is trusted" in said) == (4, True)
    assert not (bench.folder / "trusted").exists()
    told = " ".join(peer.fingerprint[i : i + 2].upper() for i in range(0, 64, 2)).replace(" ", ":")
    assert bench.certs("trust", peer.where, "--fingerprint", told)[0] == 0


def test_what_is_no_certificate_is_not_trusted(bench, tmp_path):
    (tmp_path / "x.der").write_text("hello")
    code, said = bench.certs("trust", tmp_path / "x.der")
    assert (code, "is not a certificate" in said) == (1, True)
    assert bench.certs("trust", tmp_path / "nowhere.der")[0] == 1


def test_a_server_that_is_not_there_is_a_matter_of_the_connection(bench):
    code, said = bench.certs("trust", "opc.tcp://127.0.0.1:1")
    assert (code, "no OPC UA server answers at opc.tcp://127.0.0.1:1" in said) == (3, True)
    assert bench.certs("trust", "http://127.0.0.1:1")[0] == 1


def test_the_list_shows_whose_and_until_when(bench, peer, tmp_path):
    code, said = bench.certs("list")
    assert (code, "plantctl certs make" in said) == (0, True)
    bench.certs("make", "--days", 20)
    bench.certs("trust", peer.where)
    old = make_pair(tmp_path / "old", Application("Old", "urn:old", ["x"]), RealClock().utc_ns() - 9 * DAY_NS, days=3)
    bench.certs("trust", old.where)
    code, said = bench.certs("list")
    assert code == 0
    assert "ours: plantctl Bench 1" in said
    assert "trusted: PLC one" in said
    assert "in 19 days" in said
    assert said.count("it ended on") == 1


def test_the_check_finds_what_keeps_a_link_down_and_is_quiet_when_all_is_there(bench, peer, monkeypatch):
    def found():
        code, said = bench.certs("check")
        return code, said.splitlines()[-1]

    assert "there is no certificate in" in found()[1]
    bench.certs("make", "--days", 25)
    assert "there is no password in" in found()[1]
    monkeypatch.setattr("sys.stdin", io.StringIO("sesame-canary\n"))
    code, said = bench.certs("password", "plc-1.password")
    assert (code, "sesame" in said) == (0, False)
    assert mode(bench.folder / "plc-1.password") == 0o600
    bench.certs("trust", peer.where)
    code, last = found()
    assert (code, "ends on" in last) == (0, True)
    (bench.folder / "own.key").chmod(0o644)
    assert found()[0] == 1
    assert "chmod 600" in found()[1]


@pytest.mark.parametrize("typed", ["", "\n", "x" * 200 + "\n", "two\tparts\n"])
def test_a_password_that_cannot_be_one_leaves_the_file_as_it_was(bench, monkeypatch, typed):
    bench.certs("make")
    (bench.folder / "plc-1.password").write_text("kept\n")
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert bench.certs("password", "plc-1.password")[0] == 1
    assert (bench.folder / "plc-1.password").read_text() == "kept\n"
    assert not list(bench.folder.glob("*.new"))


def test_an_open_link_is_named_and_no_finding(tmp_path, capsys):
    code, said = Bench(tmp_path, capsys, "{insecure: true}").certs("check")
    assert (code, said) == (0, "PLC-1: INSECURE: neither signed nor encrypted, and nobody is asked who they are\n")


def test_a_folder_of_its_own_needs_a_name_for_programs(tmp_path, capsys):
    folder = str(tmp_path / "plc")
    assert main(["certs", "make", "--folder", folder]) == 2
    assert main(["certs", "make", "--folder", folder, "--uri", "urn:plc", "--host", "localhost"]) == 0
    assert read_certificate(tmp_path / "plc" / "own.der").applications == ["urn:plc"]
    assert main(["certs", "list"]) == 2
    assert main(["certs", "check", "--folder", folder]) == 2
    capsys.readouterr()


def test_a_key_that_cannot_be_written_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError("no space")))
    with pytest.raises(OSError, match="no space"):
        make_pair(tmp_path, Application("x", "urn:x", ["x"]), RealClock().utc_ns())
    assert list(tmp_path.iterdir()) == []
