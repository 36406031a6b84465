"""From text to checked sections: reads, parses, unfolds, checks their form, and gives every finding of the run.

Linking and compiling come after it, in `build`, which is what a user's `check` runs.
"""

from dataclasses import dataclass
from typing import Final

from plantctl.core.errors import Diagnostic
from plantctl.plan.merge import merge
from plantctl.plan.render import in_text_order
from plantctl.plan.schema import check_sections
from plantctl.plan.source import Read, read_sources
from plantctl.plan.source_plant import SourcePlant

ROOT: Final = "plant.yaml"


@dataclass(frozen=True, slots=True)
class Reading:
    """What the text gives: the plant as far as it is good, the findings in text order, the texts for excerpts."""

    plant: SourcePlant
    findings: list[Diagnostic]
    texts: dict[str, str]


def read_plant(root: str, read: Read) -> Reading:
    """Reads the root file and its includes through `read` and checks their form; nothing is linked yet.

    Never raises, whatever the files hold: everything wrong is in `findings`.
    """
    sources = read_sources(root, read)
    merged = merge(sources)
    plant, findings = check_sections(merged)
    everything = [*sources.findings, *merged.findings, *findings]
    return Reading(plant, in_text_order(everything, sources.texts), sources.texts)
