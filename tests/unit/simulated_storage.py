"""A disk that can lose power, fill up and fail at any step, for the log and what is built on it.

Each file has what the programs see and what is on the platter. `sync` makes both equal; a loss of power keeps, sector
by sector, the one or the other, zeros or rubbish, and any length in between. A name that was not forced to disk may be
gone, a rename may not have happened.
"""

import errno
import os
import random

SECTOR = 512


class PowerCut(BaseException):
    """The moment the power goes; nothing in the program may catch it."""


class SimFile:
    def __init__(self, seen=b"", kept=b""):
        self.seen = bytearray(seen)
        self.kept = bytes(kept)


class SimHeld:
    """A file held open to read."""

    def __init__(self, storage, seen):
        self.storage = storage
        self.seen = seen

    def part(self, offset, size):
        self.storage._step("read")
        return bytes(self.seen[offset : offset + size])

    def length(self):
        return len(self.seen)


class SimulatedStorage:
    """`cut_at`: the power goes at the operation of this number (a write may have happened in part).

    `faults` maps an operation's number, or an operation's name, to an errno.
    """

    def __init__(self, files=None, cut_at=None, faults=None, seed=0):
        self.files = files or {}  # by name as seen
        self.kept_names = dict(self.files)  # by name as on the platter
        self.cut_at = cut_at
        self.faults = faults or {}
        self.random = random.Random(seed)
        self.operations = []
        self.is_cut = False
        self.open_files = {}

    # ------------------------------------------------------------------------------------------ as `Storage`

    def names(self):
        self._step("names")
        return sorted(self.files)

    def read(self, name, size=-1):
        self._step("read")
        seen = bytes(self._file(name).seen)
        return seen if size < 0 else seen[:size]

    def read_part(self, name, offset, size):
        self._step("read")
        return bytes(self._file(name).seen[offset : offset + size])

    def hold(self, name):
        self._step("open")
        return SimHeld(self, self._file(name).seen)

    def expect(self, names):
        """It promises nothing, and takes no step: what is not done cannot go wrong."""

    def length(self, name):
        self._step("length")
        return len(self._file(name).seen)

    def _file(self, name):
        if name not in self.files:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
        return self.files[name]

    def remove(self, name):
        self._step("remove")
        del self.files[name]

    def open(self, name):
        self._step("open")
        file = self.files.setdefault(name, SimFile())
        number = max(self.open_files, default=2) + 1
        self.open_files[number] = file
        return number

    def size(self, file):
        return len(self.open_files[file].seen)

    def append(self, file, data):
        target = self.open_files[file].seen
        part = self.random.randint(0, len(data))
        self._step("append", lambda: target.extend(data[:part]))
        target += data

    def sync(self, file):
        target = self.open_files[file]
        self._step("sync", lambda: self._lose(target))
        target.kept = bytes(target.seen)

    def truncate(self, file, size):
        self._step("truncate")
        seen = self.open_files[file].seen
        if len(seen) > size:
            del seen[size:]

    def close(self, file):
        self._step("close")
        del self.open_files[file]

    def rename(self, old, new):
        self._step("rename")
        self.files[new] = self.files.pop(old)

    def sync_folder(self):
        self._step("sync_folder")
        self.kept_names = dict(self.files)

    # ------------------------------------------------------------------------------------------ what goes wrong

    def _step(self, name, partly=None):
        number = len(self.operations)
        self.operations.append(name)
        if number == self.cut_at:
            if partly and name != "sync":
                partly()
            self.is_cut = True
            raise PowerCut
        code = self.faults.get(number, self.faults.get(name))
        if code:
            if partly:
                partly()
            raise OSError(code, os.strerror(code))

    def _lose(self, file):
        """A failed sync: the pages are clean now although some of them never arrived."""
        file.kept = self._torn(file)

    def after_power_cut(self, seed):
        """The disk as it may be found; another seed, another luck."""
        self.random = random.Random(seed)
        names = {}
        for name in {**self.kept_names, **self.files}:
            before, after = self.kept_names.get(name), self.files.get(name)
            names[name] = before if before is after else self.random.choice((before, after))
        for old, file in self.kept_names.items():  # a rename happened or did not, never half
            for new in [name for name, other in self.files.items() if other is file and name != old]:
                done = self.random.random() < 0.5
                names[old], names[new] = (None, file) if done else (file, self.kept_names.get(new))
        files = {name: file for name, file in names.items() if file is not None}
        return SimulatedStorage({name: SimFile(t := self._torn(file), t) for name, file in files.items()})

    def _torn(self, file):
        """Some of what was written since the last sync."""
        seen, kept, chance = bytes(file.seen), file.kept, self.random
        if seen == kept:
            return kept
        mood = chance.choice(("nothing", "all", "prefix", "sectors", "sectors", "ragged"))
        if mood == "nothing":
            return kept
        if mood == "all":
            return seen
        size = chance.choice((len(seen), len(kept), chance.randint(*sorted((len(kept), len(seen))))))
        if mood == "prefix":
            return (seen[:size] if size <= len(seen) else seen + kept[len(seen) :])[:size]
        disk = bytearray()
        for at in range(0, size, SECTOR):
            new, old = seen[at : at + SECTOR], kept[at : at + SECTOR]
            rubbish = chance.choice((bytes(SECTOR), chance.randbytes(SECTOR)))
            old += rubbish[len(old) :]
            sector = chance.choice((new + rubbish[len(new) :], old))
            if mood == "ragged":
                tear = chance.randint(0, SECTOR)
                sector = (new + rubbish[len(new) :])[:tear] + old[tear:]
            # what lay on the platter before and was not written anew cannot have changed
            same = 0
            while same < min(len(new), len(kept) - at) and new[same] == kept[at + same]:
                same += 1
            disk += old[:same] + sector[same:]
        return bytes(disk[:size])


FULL, BROKEN, TOO_MANY = errno.ENOSPC, errno.EIO, errno.EMFILE
