"""From a folder of text to a checked plant: reads, parses, unfolds, checks, and gives every finding of the run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from plantctl.core.errors import Diagnostic
from plantctl.plan.merge import merge
from plantctl.plan.render import in_text_order, render
from plantctl.plan.schema import check_sections
from plantctl.plan.source import Read, from_folder, read_sources
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


def checked(folder: Path, root: str = ROOT) -> Reading:
    """Everything that is known about the plant in a folder without its devices. Linking and compiling join in here."""
    return read_plant(root, from_folder(folder))


def diagnose(folder: Path, root: str = ROOT) -> list[Diagnostic]:
    """Every finding about the plant in a folder, in the order of the text; empty when it is good."""
    return checked(folder, root).findings


def report(folder: Path, root: str = ROOT) -> str:
    """What `check` prints about the plant in a folder; empty when it is good."""
    reading = checked(folder, root)
    return render(reading.findings, reading.texts)
