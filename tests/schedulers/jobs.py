"""What all schedulers run, and a stand-in for bin/submit.sh that notes how it is called."""

import shutil
from pathlib import Path

from smart_trader.pipeline import STEPS

HERE = Path(__file__).parent
PIPELINE = [step.job for step in STEPS]
"""The jobs of `pipeline` in their order."""


def stub(home: Path) -> Path:
    """A checkout whose jobs do nothing but end as told; see submit_stub.sh."""
    (home / "bin").mkdir(parents=True)
    shutil.copy(HERE / "submit_stub.sh", home / "bin" / "submit.sh")
    return home


def calls(home: Path) -> list[str]:
    noted = home / "calls"
    return noted.read_text().splitlines() if noted.exists() else []
