"""Pages of the docs of which a part is made from the code; `PLANTCTL_WRITE_GOLDEN=1` writes that part anew."""

import os

WRITE = "PLANTCTL_WRITE_GOLDEN"


def check_part(page, begin, end, made):
    """Fail where the file `page` has another text than `made` between its marks; written first where asked."""
    present = page.read_text(encoding="utf-8")
    before, rest = present.split(begin)
    _, after = rest.split(end)
    wanted = before + begin + made + end + after
    if os.environ.get(WRITE):
        page.write_text(wanted, encoding="utf-8")
    else:
        assert present == wanted, f"{page.name} is not what the code says: {WRITE}=1 writes it anew"
