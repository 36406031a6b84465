"""A run is reproducible: the same seed gives the same log, to the byte, over real protocol stacks.

Sampled here; `make campaign NAME=same-run-twice` does ten plant minutes.
"""

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.plant.same_run import one_run
from tests.wire.secured_rig import Ends, remove_pairs

SAMPLE_S = 45.0
BUSY = "import sys, time\nend = time.monotonic() + float(sys.argv[1])\nwhile time.monotonic() < end: sum(range(10000))"
ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def busy_loops(count, limit_s):
    """So many children that do nothing but use the processor; they end by themselves after `limit_s`."""
    children = [subprocess.Popen([sys.executable, "-c", BUSY, str(limit_s)]) for _ in range(count)]
    try:
        yield
    finally:
        for child in children:
            child.kill()
            child.wait()


def run_elsewhere(folder, seconds, seed, hash_seed, limit_s):
    """The digest of a run in an interpreter of its own, under a hash seed of its own."""
    words = [sys.executable, "-m", "tests.plant.same_run", str(seconds), str(seed), str(folder)]
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        words, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=limit_s, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    return one_run(tmp_path_factory.mktemp("first"), SAMPLE_S, 1)


@pytest.mark.timeout(240)
def test_the_same_seed_gives_the_same_log_to_the_byte(first, tmp_path):
    assert one_run(tmp_path, SAMPLE_S, 1) == first


@pytest.mark.timeout(300)
def test_another_interpreter_with_another_hash_seed_beside_busy_loops_gives_the_same_log(first, tmp_path):
    with busy_loops(2, 300.0):
        assert run_elsewhere(tmp_path, SAMPLE_S, 1, 4711, 280.0) == first


@pytest.mark.timeout(240)
def test_a_signed_and_encrypted_link_with_keys_of_this_very_run_gives_the_same_log(first, tmp_path):
    try:
        assert one_run(tmp_path / "log", SAMPLE_S, 1, ends=Ends(tmp_path / "keys")) == first
    finally:
        remove_pairs()


@pytest.mark.timeout(240)
def test_another_seed_gives_another_log(first, tmp_path):
    assert one_run(tmp_path, SAMPLE_S, 2) != first
