"""What each key of a configuration means, in a line: the reference page and the editor's completion show it.

The lines stand in `configuration_words.csv` beside this, since the classes are for those who program.
"""

import csv
from functools import cache
from pathlib import Path


@cache
def key_words() -> dict[tuple[str, str], str]:
    """The meaning of every key: (class of `source_plant` or `source_display`, key) -> a line of text."""
    with Path(__file__).with_name("configuration_words.csv").open(newline="", encoding="utf-8") as file:
        return {(row["form"], row["key"]): row["meaning"] for row in csv.DictReader(file)}
