"""Every module can be imported before there is a Spark session: a driver imports its job first."""

import subprocess
import sys

from tests.lake import ROOT


def test_no_module_needs_spark_to_be_imported() -> None:
    files = sorted((ROOT / "smart_trader").rglob("*.py"))
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files if file.stem != "__main__"]
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    done = subprocess.run([sys.executable, "-c", code, *names], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
