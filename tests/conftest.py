"""What every test shares: one cache of compiled blocks for the whole run, and runs that can be repeated."""

import gc
import os

import pytest
from hypothesis import settings


@pytest.fixture(scope="session")
def compile_cache():
    """The folder of compiled code; the user's own, since its names carry a digest of all that the code depends on."""
    from plantctl.plan import load

    return load.cache_folder()


def pytest_configure(config):
    """Property tests draw the same cases every time; `HYPOTHESIS_PROFILE=explore` looks for new ones."""
    settings.register_profile("ci", derandomize=True, database=None, deadline=None, print_blob=True)
    settings.register_profile("explore", max_examples=1000, deadline=None, print_blob=True)
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
    # No test takes the power from a real disk (`simulated_storage` is for that), so none waits for one. A descriptor
    # that is not open stays an error.
    os.fsync = os.fdatasync = os.fstat


def pytest_collection_finish():
    """The thousands of tests that were collected stay to the end: the collector need not look through them again."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter, exitstatus, config):
    """A failure in random order is repeated only with its seed; `-q` hides the line at the top."""
    seed = getattr(config.option, "randomly_seed", None)  # none with `-p no:randomly`
    if exitstatus and seed is not None:
        terminalreporter.write_line(f"this order again: --randomly-seed={seed}")
