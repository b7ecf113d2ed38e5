from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def stats() -> ModuleType:
    """Of scipy; its import takes a second, and each worker imports all modules of tests."""
    from scipy import stats

    return stats
