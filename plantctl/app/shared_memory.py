"""Shared memory without a name: sealed memory that lives as long as a process of the plant holds it.

The supervisor makes one piece for each process that writes; that process is handed the writable descriptor, every
other one a descriptor that the kernel refuses to map for writing. The size is sealed: nobody can shorten the memory
under another's feet. There is nothing in the file system to leave behind or to attach to by mistake. Linux only.

Python's own `multiprocessing.shared_memory` is not used: the death of a mere reader unlinks it (decision record 0005).
"""

import fcntl
import mmap
import os
from typing import Final

SEALS: Final = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL

# Every page is there from the start: whoever comes to the end of a ring an hour later must not wait for the kernel.
MAPPED: Final = mmap.MAP_SHARED | mmap.MAP_POPULATE


def create(name: str, size: int) -> int:
    """A new piece of `size` zero bytes, sealed; its writable descriptor. `name` is for `/proc` only.

    Raises `OSError` where the kernel has no memory or no memfd.
    """
    descriptor = os.memfd_create(f"plantctl-{name}", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(descriptor, size)
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, SEALS)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def frozen(name: str, data: bytes) -> int:
    """A piece that holds `data` and that nobody can ever change, not even this process; its descriptor."""
    descriptor = os.memfd_create(f"plantctl-{name}", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(data)
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, SEALS | fcntl.F_SEAL_WRITE)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def read_only(descriptor: int) -> int:
    """Another descriptor of the same memory that cannot be mapped for writing."""
    return os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_CLOEXEC)


def map_writable(descriptor: int) -> mmap.mmap:
    """The memory, for its one writer; a read-only descriptor raises `PermissionError`."""
    return mmap.mmap(descriptor, os.fstat(descriptor).st_size, MAPPED, mmap.PROT_READ | mmap.PROT_WRITE)


def map_readable(descriptor: int) -> mmap.mmap:
    """The memory, for readers: a store into it raises `TypeError`, and from compiled code ends the process."""
    return mmap.mmap(descriptor, os.fstat(descriptor).st_size, MAPPED, mmap.PROT_READ)
