"""What every test shares: one cache of compiled blocks for the whole run."""

import pytest


@pytest.fixture(scope="session")
def compile_cache():
    """The folder of compiled code; the user's own, since its names carry a digest of all that the code depends on."""
    from plantctl.plan import load

    return load.cache_folder()
