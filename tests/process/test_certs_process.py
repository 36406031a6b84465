"""`plantctl certs` before a served PLC: what it shows is compared, not believed; the check says what the link will."""

import os

import pytest
import yaml

from plantctl.core.field import SIMULATOR
from plantctl.drivers._certificates import read_certificate
from tests.process.command_rig import plantctl, running, wait

PLANT = """\
plant: {name: Bench}
tasks: {fast: 100 ms}
area: 40
devices:
  PLC-4:
    kind: opcua
    profile: s7-plc
    connect: "opc.tcp://plc-4:4840"
    security: {policy: Basic256Sha256, mode: SignAndEncrypt, user: plantctl, password_file: plc-4.password}
tags:
  FI-4013: {device: PLC-4, item: MEASURED, service: flow, unit: m3/h, range: [0, 1]}
"""


@pytest.mark.timeout(300)
def test_a_server_is_trusted_by_its_fingerprint_and_the_check_finds_it_as_the_driver_will(tmp_path):
    text, state, plc = tmp_path / "plant", tmp_path / "state", tmp_path / "plc"
    text.mkdir()
    (text / "plant.yaml").write_text(PLANT)

    def certs(*words):
        done = plantctl("certs", words[0], text, *words[1:], state=state)
        return done.returncode, done.stdout + done.stderr

    made = plantctl(
        "certs", "make", "--folder", plc, "--uri", "urn:pct-plc-4", "--host", "127.0.0.1", "--name", "PLC", state=state
    )
    assert made.returncode == 0, made.stderr
    assert certs("make")[0] == 0
    folder = state / "Bench" / "security"
    plantctl("certs", "trust", "--folder", plc, folder / "own.der", state=state)
    fingerprint = read_certificate(plc / "own.der").fingerprint

    file = tmp_path / "endpoints.yaml"
    serve = ("--endpoints", file, "--state", tmp_path / "sim", "--security", plc, "--with-parent", os.getpid())
    with running(*serve, module="simulators", state=state) as simulator:
        wait(file.exists, child=simulator)
        url = yaml.safe_load(file.read_text())["PLC-4"].removesuffix(SIMULATOR)
        (tmp_path / "plc.yaml").write_text(f"PLC-4: {url}\n")

        code, said = certs("trust", url)
        assert (code, "nobody is here to compare" in said) == (4, True)
        assert fingerprint in said.replace(" ", "")
        assert certs("trust", url, "--fingerprint", "ab" * 32)[0] == 4
        assert not (folder / "trusted").exists()

        (folder / "plc-4.password").write_text("sesame-canary-74\n")
        (folder / "plc-4.password").chmod(0o600)
        check = ("check", "--connect", "--endpoints", tmp_path / "plc.yaml")
        code, said = certs(*check)
        assert (code, "not in the trust list" in said) == (1, True)
        code, said = certs("trust", url, "--fingerprint", fingerprint)
        assert (code, f"trusted: {folder / 'trusted' / 'PLC'}-{fingerprint[:8]}.der" in said) == (0, True)
        code, said = certs(*check)
        assert (code, f"its server: {url}, trusted, offers Basic256Sha256 SignAndEncrypt" in said) == (0, True), said
        assert "sesame" not in said
    assert certs(*check)[0] == 1
