"""A real folder whose operations can fail: full, broken, or no more open files; for what writes files of its own."""

import builtins
import errno
import io
import os

CODES = (errno.ENOSPC, errno.EIO, errno.EMFILE)


class FailingDisk:
    """The operation of this number below a folder fails, once or from then on; `done` counts them.

    A write that fails has written the half of it.
    """

    def __init__(self, patch, folder, at, code, *, lasting=False):
        self.done, self.failed = 0, False
        self._folder, self._at, self._code, self._lasting = str(folder), at, code, lasting
        for name in ("open", "fsync", "replace", "rename", "unlink", "mkdir"):
            patch.setattr(os, name, self._watched(getattr(os, name)))
        patch.setattr(io, "open", self._opened(io.open))
        patch.setattr(builtins, "open", io.open)

    def mend(self):
        self._at = self._lasting = 0
        self._code = None

    def _step(self):
        self.done += 1
        if self._code is not None and (self.done == self._at or (self._lasting and self.done > self._at)):
            self.failed = True
            raise OSError(self._code, os.strerror(self._code))

    def _watched(self, real):
        def act(first, *arguments, **more):
            path = os.readlink(f"/proc/self/fd/{first}") if isinstance(first, int) else str(first)
            if path.startswith(self._folder):
                self._step()
            return real(first, *arguments, **more)

        return act

    def _opened(self, real):
        def act(file, mode="r", *arguments, **more):
            if isinstance(file, int) or not str(file).startswith(self._folder):
                return real(file, mode, *arguments, **more)
            self._step()
            found = real(file, mode, *arguments, **more)
            return _Writing(found, self._step) if set(mode) & set("wax") else found

        return act


class _Writing:
    """A file that is written, of which each write is an operation."""

    def __init__(self, file, step):
        self._file, self._step = file, step

    def write(self, data):
        try:
            self._step()
        except OSError:
            self._file.write(data[: len(data) // 2])
            raise
        return self._file.write(data)

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()
