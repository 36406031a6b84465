"""The text in which Prometheus and its like take measurements: version 0.0.4 of its own, and OpenMetrics 1.0.

The two differ little: what a counter's family is called, what HELP escapes, units, and how the text ends. A library
for it keeps registries of objects that count; what is counted here is counted elsewhere, so there is only writing.

Rules of the file: pure; one family is one block, with every sample of it; names and labels are the caller's to keep
apart. Source: Prometheus, "Exposition formats", 0.0.4; OpenMetrics 1.0.0, sections 4 and 5.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

TEXT_KIND: Final = "text/plain; version=0.0.4; charset=utf-8"
OPEN_KIND: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"
END: Final = "# EOF\n"
_IN_LABEL: Final = {ord("\\"): r"\\", ord('"'): r"\"", ord("\n"): r"\n"}
_IN_HELP: Final = {ord("\\"): r"\\", ord("\n"): r"\n"}


@dataclass(frozen=True, slots=True)
class Sample:
    """One number: what follows the family's name (`_bucket`), its labels as `labels` writes them, the number."""

    labels: str
    value: float
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Family:
    """Numbers of one kind. `name` is without `_total`, which counters get; `unit` is how the name ends, or empty."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    text: str
    samples: Sequence[Sample]
    unit: str = ""


def labels(**pairs: str) -> str:
    """Labels in their braces, without those that are empty; empty where none is left."""
    told = ",".join(f'{name}="{_utf8(text).translate(_IN_LABEL)}"' for name, text in pairs.items() if text)
    return f"{{{told}}}" if told else ""


def number(value: float) -> str:
    """A number as both formats read it back unchanged."""
    if math.isfinite(value):
        return str(int(value)) if value == int(value) and abs(value) < 2**53 else repr(float(value))
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"


def head(family: Family, *, openmetrics: bool) -> str:
    """The lines before a family's samples."""
    text = _utf8(family.text).translate(_IN_LABEL if openmetrics else _IN_HELP)
    name = family.name if openmetrics or family.kind != "counter" else f"{family.name}_total"
    unit = f"# UNIT {name} {family.unit}\n" if openmetrics and family.unit else ""
    return f"# TYPE {name} {family.kind}\n{unit}# HELP {name} {text}\n"


def written(families: Iterable[Family], *, openmetrics: bool) -> Iterator[str]:
    """The families, a text each; those without a sample are left out. The end is the caller's to write."""
    for family in families:
        if family.samples:
            name = f"{family.name}_total" if family.kind == "counter" else family.name
            lines = [f"{name}{s.suffix}{s.labels} {number(s.value)}\n" for s in family.samples]
            yield head(family, openmetrics=openmetrics) + "".join(lines)


def histogram(name: str, text: str, edges: Sequence[float], counts: Sequence[int]) -> Family:
    """A histogram of seconds: `counts` up to each of `edges`, and one more for what is longer.

    There is no sum: nobody added up, and a made-up one would be taken for true. OpenMetrics has no count without it;
    the count is the last bucket's.
    """
    samples, total = [], 0
    for edge, count in zip([*edges, math.inf], counts, strict=True):
        total += int(count)
        samples.append(Sample(labels(le=repr(edge) if math.isfinite(edge) else "+Inf"), total, "_bucket"))
    return Family(name, "histogram", text, samples, "seconds")


def wants_openmetrics(accept: str) -> bool:
    """Whether a request's `Accept` prefers OpenMetrics 1.0 to the older text."""
    best = {"application/openmetrics-text": 0.0, "text/plain": 0.0}
    for part in accept[:1000].lower().split(","):
        kind, *parameters = (word.strip() for word in part.split(";"))
        said = dict(word.split("=", 1) for word in parameters if "=" in word)
        share = _share(said.get("q", "1"))
        if kind == "application/openmetrics-text" and said.get("version", "1.0.0") not in ("1.0.0", '"1.0.0"'):
            continue
        if kind in best:
            best[kind] = max(best[kind], share)
    return best["application/openmetrics-text"] > 0 and best["application/openmetrics-text"] >= best["text/plain"]


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        return 0.0
    return share if 0.0 <= share <= 1.0 else 0.0


def _utf8(text: str) -> str:
    """`text` with `?` for what UTF-8 has no bytes for."""
    return text.encode("utf-8", "replace").decode("utf-8")
