"""The README's picture of the live view is the live view; `PLANTCTL_WRITE_GOLDEN=1` draws it anew."""

import io
import json
import os
import re
from pathlib import Path

from rich.console import Console

from plantctl.cli.screen import View, screen
from plantctl.cli.top import coloured

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "live-view.svg"
SNAPSHOT = Path(__file__).with_name("live_snapshot.json")
WIDTH, HEIGHT = 110, 36
HINTS = ["plantctl sim fault pump-trip      the pump fails: see the cell trip"]


def picture():
    console = Console(record=True, width=WIDTH, height=HEIGHT, file=io.StringIO(), color_system="truecolor")
    lines = screen(json.loads(SNAPSHOT.read_text(encoding="utf-8")), View(footer=HINTS), WIDTH, HEIGHT)
    console.print(coloured(lines))
    drawn = console.export_svg(title="plantctl demo", unique_id="live-view")
    # A picture in a repository fetches nothing from anywhere: the reader's own monospaced font will do.
    return re.sub(r"\s*@font-face \{.*?\}|<!-- Generated .*?-->", "", drawn, flags=re.S)


def test_the_picture_is_what_the_live_view_shows():
    drawn = picture()
    if os.environ.get("PLANTCTL_WRITE_GOLDEN"):
        PICTURE.write_text(drawn, encoding="utf-8")
    assert PICTURE.read_text(encoding="utf-8") == drawn
