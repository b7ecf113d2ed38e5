"""The tests can fail: each of these mistakes, made in a copy of the project, turns the tests that are named red."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FIFO = "smart_trader/domain/kernel/fifo.py"
COLUMNS = "smart_trader/domain/pnl/matching.py"
FIFO_TESTS = "tests/domain/kernel/test_fifo.py"
PNL_TEST = "tests/jobs/test_silver_pnl.py"
LEASE, LEASE_TESTS = "smart_trader/io/lock/lease.py", "tests/io/lock/test_lease.py"


@dataclass(frozen=True)
class Defect:
    """A mistake: in `file`, `right` becomes `wrong`. `caught_by` are tests that must fail then."""

    file: str
    right: str
    wrong: str
    caught_by: str


DEFECTS = {
    "a lease counts from the answer": Defect(
        LEASE,
        "self._confirmed = number, self._sent[1]",
        "self._confirmed = number, self._clock()",
        LEASE_TESTS,
    ),
    "a number that comes back makes an owner": Defect(
        LEASE,
        "            if self._newest() > number:\n                return False\n",
        "",
        LEASE_TESTS,
    ),
    "an old lease entitles to commit": Defect(
        LEASE,
        "            if not self.is_confirmed:\n",
        "            if False:\n",
        f"{LEASE_TESTS}::test_no_two_runs_commit",
    ),
    "average cost": Defect(
        FIFO,
        "        self.lots.append(lot)\n",
        "        known = [old for old in self.lots if old.cost is not None]\n"
        "        if lot.cost is not None and known:\n"
        "            units = lot.left + sum(old.left for old in known)\n"
        "            paid = lot.left_cost + sum(old.left_cost for old in known)\n"
        "            for one in (*known, lot):\n"
        "                one.bought, one.cost = one.left, one.left * paid // units\n"
        "                one.left_cost = one.cost\n"
        "        self.lots.append(lot)\n",
        FIFO_TESTS,
    ),
    "last in, first out": Defect(
        FIFO,
        "            lot = lots[0]\n",
        "            lots.rotate(1)\n            lot = lots[0]\n",
        FIFO_TESTS,
    ),
    "zero for unknown cost": Defect(
        FIFO,
        "            if lot.cost is None:\n",
        "            if lot.cost is None and not lot.bought:\n",
        FIFO_TESTS,
    ),
    "a later buy fills an earlier sale": Defect(
        FIFO,
        "        if not matched:\n",
        "        if missing:\n            self.lots.append(Lot(0, sold_at, -missing, 0, is_trusted=True))\n"
        "        if not matched:\n",
        FIFO_TESTS,
    ),
    "double for decimal": Defect(
        "smart_trader/domain/kernel/money.py",
        "        return (2 * numerator + denominator) // (2 * denominator)\n",
        "        return int(numerator / denominator + 0.5)\n",
        FIFO_TESTS,
    ),
    "average cost, in columns": Defect(
        COLUMNS,
        "    columns = (bought_so_far, trades.quantity, trades.value, trades.has_value,"
        " trades.is_trusted, trades.time)\n"
        "    return _Lots",
        "    paid, units = (trades.total(np.where(buys, column, 0)) for column in (trades.value, trades.quantity))\n"
        "    average = np.repeat(paid // np.maximum(units, 1), trades.lengths)\n"
        "    values = average * trades.quantity\n"
        "    columns = (bought_so_far, trades.quantity, values, trades.has_value, trades.is_trusted, trades.time)\n"
        "    return _Lots",
        FIFO_TESTS,
    ),
    "last in, first out, in columns": Defect(
        COLUMNS,
        "    last = np.searchsorted(lots.end, end)\n",
        "    newest = np.cumsum(np.where(trades.is_buy, trades.quantity, 0))[sales] + origin[sales]\n"
        "    begin, end = newest - end, newest - begin\n"
        "    last = np.searchsorted(lots.end, end)\n",
        FIFO_TESTS,
    ),
    "zero for unknown cost, in columns": Defect(
        COLUMNS,
        "trades.value, trades.has_value, trades.is_trusted, trades.time)\n    return _Lots",
        "trades.value, trades.is_buy, trades.is_trusted, trades.time)\n    return _Lots",
        FIFO_TESTS,
    ),
    "what was bought untrusted is trusted, in columns": Defect(
        COLUMNS,
        "    untrusted = units(is_doubtful) if is_doubtful.any() else np.zeros_like(rest)\n",
        "    untrusted = np.zeros_like(rest)\n",
        FIFO_TESTS,
    ),
    "a missing price hides a loss": Defect(
        "smart_trader/domain/pnl/totals.py",
        "(is_trusted | ~trades.has_value | (result < 0))",
        "(is_trusted | (trades.has_value & (result < 0)))",
        "tests/domain/kernel/test_trusted.py",
    ),
    "a later buy fills an earlier sale, in columns": Defect(
        COLUMNS,
        "    until = origin + sold_so_far - never_bought\n",
        "    until = origin + np.minimum(sold_so_far - sold_before, np.repeat(trades.total(bought), lengths))\n",
        FIFO_TESTS,
    ),
    "double for decimal, in columns": Defect(
        COLUMNS,
        "    rounded: Numbers = (2 * numerator + denominator) // (2 * denominator)\n",
        "    rounded = np.array([int(n / d + 0.5) for n, d in zip(numerator, denominator, strict=True)], object)\n",
        FIFO_TESTS,
    ),
    "volume counted per hop": Defect(
        "smart_trader/domain/kernel/swaps.py",
        "        rows = self._touching(token)\n        value =",
        "        rows = self._rows\n        value =",
        "tests/domain/kernel/test_swaps.py",
    ),
    "dedup by transaction hash": Defect(
        "smart_trader/domain/bronze/transaction_history.py",
        '        record["ins_index"],\n        record["inner_ins_index"],\n        record["pool_address"],\n'
        '        record["base_address"],\n        record["quote_address"],\n        record["base_change_raw"],\n'
        '        record["quote_change_raw"],\n',
        "",
        "tests/io/birdeye/test_trades.py",
    ),
    "unstable tie-break": Defect(
        "smart_trader/domain/pnl/engine.py",
        '"payload.block_number", "is_sale", "payload.trade_id")',
        '"payload.block_number")',
        f"{PNL_TEST}::test_ties_are_broken_the_same_way_whatever_the_order_of_rows",
    ),
    "new rows only": Defect(
        "smart_trader/jobs/silver_pnl.py",
        '.where(F.col("block_time") <= F.lit(app.as_of))\n',
        '.where(F.col("block_time") <= F.lit(app.as_of)).join(due.select("wallet_address",'
        ' F.coalesce("pnl_last_processed_at", F.lit(_EPOCH)).alias("_since")), "wallet_address")'
        '.where(F.col("fetched_at") > F.col("_since")).drop("_since")\n',
        f"{PNL_TEST}::test_a_sale_finds_the_purchase_of_an_earlier_run",
    ),
    "failures reported as success": Defect(
        "smart_trader/run/fetching.py",
        "                self.status: ProcessingStatus.PENDING,\n",
        "                self.status: ProcessingStatus.COMPLETED,\n",
        "tests/reliability/test_state_machine.py",
    ),
    "status before data": Defect(
        "smart_trader/jobs/bronze_transactions.py",
        "    counts = _land(app, read) if read else {}\n"
        "    rejected = _keep_rejected(app, [fetched for fetched in batch if fetched.answer is not None])\n"
        "    states = [_state(app, fetched, counts, rejected) for fetched in batch]\n"
        '    app.tables.update(tracked_whales.TABLE, app.tables.frame(_STATE, states), on=("wallet_address",))\n',
        "    counts = {wallet: len(trades.rows) for wallet, trades in read.items()}\n"
        "    states = [_state(app, fetched, counts, {}) for fetched in batch]\n"
        '    app.tables.update(tracked_whales.TABLE, app.tables.frame(_STATE, states), on=("wallet_address",))\n'
        "    _land(app, read)\n",
        "tests/jobs/test_bronze_transactions.py::test_rows_that_a_crashed_run_landed_make_the_pnl_due",
    ),
    "statuses reset by a newer snapshot": Defect(
        "smart_trader/domain/silver/tracked_tokens.py",
        "F.when(is_known, F.col(name)).otherwise(value)",
        "value",
        "tests/domain/silver/test_tracked_tokens.py::test_a_newer_snapshot_brings_its_figures_and_keeps_the_state",
    ),
}


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS.keys())
def test_the_mistake_can_be_made(defect: Defect) -> None:
    """Else the long lane would be the first to say so."""
    assert (ROOT / defect.file).read_text(encoding="utf-8").count(defect.right) == 1, "it no longer fits the code"


@pytest.mark.long
@pytest.mark.spark
@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS.keys())
def test_the_mistake_is_caught(defect: Defect, tmp_path: Path) -> None:
    for name in ("smart_trader", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("conf", "jars", "pyproject.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    spoilt = tmp_path / defect.file
    source = spoilt.read_text(encoding="utf-8")
    spoilt.write_text(source.replace(defect.right, defect.wrong), encoding="utf-8")
    environ = {**os.environ, "HYPOTHESIS_PROFILE": "planted", "PYTHONPATH": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "--no-header", "-p", "no:cacheprovider", defect.caught_by],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1, run.stdout[-2000:]
    assert "1 failed" in run.stdout
    assert "AssertionError" in run.stdout or "assert" in run.stdout
