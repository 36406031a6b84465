"""Shows the findings of the compiler to a person."""

import sys
from collections.abc import Mapping, Sequence

from plantctl.core.errors import Diagnostic
from plantctl.plan.render import render


def show_findings(findings: Sequence[Diagnostic], texts: Mapping[str, str]) -> None:
    """Print every finding with its excerpt on standard error."""
    print(render(list(findings), dict(texts)), file=sys.stderr, end="")
