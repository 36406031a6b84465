"""Other ways of keeping a plant's history, each fed what plantctl was fed, one a file.

A peer has a `label` and says in `every` whether it is given each sample or what changed. It is made with an empty
folder of its own and the number of tags, and then asked in this order:

    scan(utc_ns, which, values, second)   a scan; `second` is true once a second of plant time: what came must be stored
    finish()                              all that came is stored and can be asked for; counted as ingest
    settle()                              what it would do in its own time, as merging; not counted
    bytes()                               what it takes on the disk, by what it is for: `bytes` is what is compared
    query(tag)                            everything of one tag, as the peer gives it
    points(answer)                        times in UTC ns and values in it; measured too where the answer is `text`
    other_queries()                       other ways to ask for the same, by name
    cpu_s()                               what processes other than this one have used for it
    close()

`took_ms` is what each storing took. A peer that is not installed raises `PeerMissing`, which says what to install.
"""

import importlib


class PeerMissing(Exception):
    """A peer that is not on this machine; the message says how it comes there."""


def wanted(module):
    """A module that a peer needs and plantctl does not."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise PeerMissing(f"{module} is not installed (`make bench` installs it from requirements/bench.txt)") from None
