"""The simulator as a command, and what it may import."""

import ast
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

import smart_trader.simulator

PACKAGE = Path(smart_trader.simulator.__path__[0])


def test_it_serves_until_told_to_stop() -> None:
    size = ["--tokens", "3", "--wallets", "30", "--trade-rows", "300"]
    command = [sys.executable, "-m", "smart_trader.simulator", *size]
    plan = os.environ | {"SMART_TRADER_SIMULATOR_FAULTS": "503,endpoint=tokens;500,endpoint=tokens,call=2"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=plan, cwd=PACKAGE.parent.parent) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        query = {"sort_by": "liquidity", "sort_type": "desc"}
        answers = [requests.get(f"{url}/defi/v3/token/list", params=query, timeout=10) for _ in range(3)]
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert [answer.status_code for answer in answers] == [503, 500, 200]


@pytest.mark.parametrize("wrong", ["nonsense", "500,where=there"])
def test_a_wrong_plan_is_a_usage_error(wrong: str) -> None:
    command = [sys.executable, "-m", "smart_trader.simulator", "--faults", wrong]
    finished = subprocess.run(command, capture_output=True, text=True, cwd=PACKAGE.parent.parent, check=False)
    assert finished.returncode == 2
    assert "fault" in finished.stderr


def test_it_imports_the_standard_library_and_itself() -> None:
    """It checks the rest of the product, so it must not share its mistakes."""
    imported = set()
    for path in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, path
                imported.add(node.module or "")
    foreign = {name for name in imported if name.partition(".")[0] not in sys.stdlib_module_names}
    assert {name for name in foreign if not name.startswith("smart_trader.simulator")} == set()
