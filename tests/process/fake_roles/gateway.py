"""The gateway of tests: see `life`."""

from tests.process.fake_roles.life import live


def run(given):
    """Live."""
    return live(given)
