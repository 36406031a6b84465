"""Shared memory as the kernel gives it: what a process that may only read can do to it, and what dies with whom."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from plantctl.app.shared_memory import create, map_readable, map_writable, read_only


@pytest.fixture
def piece():
    writable = create("test", 8192)
    readable = read_only(writable)
    yield writable, readable
    for descriptor in (writable, readable):
        os.close(descriptor)


def test_what_the_writer_writes_the_reader_sees(piece):
    writable, readable = piece
    with map_writable(writable) as ours, map_readable(readable) as theirs:
        ours[100:103] = b"pH8"
        assert theirs[100:103] == b"pH8"


def test_the_kernel_refuses_a_reader_the_write_mapping_and_the_shortening(piece):
    _, readable = piece
    with pytest.raises(PermissionError):
        map_writable(readable)
    with map_readable(readable) as theirs, pytest.raises(TypeError):
        theirs[0:1] = b"x"
    with pytest.raises(OSError, match=r"Invalid argument|not permitted"):
        os.ftruncate(readable, 0)


def test_not_even_the_writer_can_change_the_size(piece):
    writable, _ = piece
    with pytest.raises(PermissionError):
        os.ftruncate(writable, 100)
    with pytest.raises(PermissionError):
        os.ftruncate(writable, 16384)


def test_a_killed_reader_takes_nothing_with_it(piece):
    writable, readable = piece
    text = (
        "import mmap, sys, os, signal\n"
        f"m = mmap.mmap({readable}, 8192, mmap.MAP_SHARED, mmap.PROT_READ)\n"
        "sys.stdout.write(m[:4].decode()); sys.stdout.flush(); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    with map_writable(writable) as ours:
        ours[:4] = b"Nd2O"
        for _ in range(3):
            died = subprocess.run(
                [sys.executable, "-c", text], pass_fds=[readable], stdout=subprocess.PIPE, timeout=30, check=False
            )
            assert (died.returncode, died.stdout) == (-9, b"Nd2O")
        assert ours[:4] == b"Nd2O"
    assert not [p for p in Path("/dev/shm").iterdir() if "plantctl" in p.name], "nothing may be left behind"


def test_the_memory_outlives_the_process_that_wrote_it(piece):
    writable, readable = piece
    text = f"import mmap; m = mmap.mmap({writable}, 8192); m[:4] = b'Tb4O'; import os; os._exit(0)"
    subprocess.run([sys.executable, "-c", text], pass_fds=[writable], timeout=30, check=True)
    with map_readable(readable) as theirs:
        assert theirs[:4] == b"Tb4O"
