"""A folder that settings are read from."""

import shutil
from pathlib import Path

import pytest

from tests.config.shared import ROOT


@pytest.fixture
def home(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    return tmp_path
