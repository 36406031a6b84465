"""What the book of the laboratory says of a tag, and the plant that was just started does not know.

A plant saves what it remembers every second, and the book is on disk before anybody is answered: after a power cut the
book can be ahead, and where the saved state is lost as a whole it is ahead by everything. Told again is what stands, as
it stands; nothing is new in the book by that.
"""

import math
from collections.abc import Mapping
from typing import Final

from plantctl.core.late import LabNote, LateAct, LateRecord, late_row
from plantctl.core.quality import BAD, SEVERITY_MASK, Reason, bad_because
from plantctl.history.reading.lab_book import LabEntry, in_plant

# Who tells it: nobody in person.
TELLER: Final = "plantctl"
AGAIN: Final = "told again: the plant did not know it after its start"
WITHDRAWN: Final = bad_because(Reason.OUT_OF_SERVICE)


def lost(book: Mapping[int, LabEntry], tag: int, present: tuple[float, int, int], *, two: bool) -> LateRecord | None:
    """The record that brings a tag to what stands in the book; None where it is there already.

    `present` are value, quality and source time (UTC ns; 0: of no sample) of the tag in the plant; `two`: another
    person signs. A value of a later time than all that the book has is left alone: the book cannot speak of it.
    """
    value, quality, source_ns = present
    mine = sorted((e for e in book.values() if e.tag == tag), key=lambda e: e.utc_ns)
    stands = in_plant(book, tag)
    if not mine or source_ns > mine[-1].utc_ns:
        return None
    if stands is not None:
        if (value, quality, source_ns) == (stands.value, stands.quality, stands.utc_ns):
            return None
        row = late_row(tag, stands.utc_ns, stands.value, stands.quality, current=True)
        return LateRecord(LateAct.STANDS, stands.number, row, TELLER)
    counted = [e for e in mine if e.withdrawn and (not two or any(s.act is LateAct.SIGNED for s in e.steps))]
    if not counted or quality & SEVERITY_MASK >= BAD:
        return None
    row = late_row(tag, counted[-1].utc_ns, math.nan, WITHDRAWN, current=True)
    return LateRecord(LateAct.WITHDRAWN, counted[-1].number, row, TELLER, LabNote(reason=AGAIN).text())
