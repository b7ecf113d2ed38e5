"""Planted keys are found nowhere, however a run fails: one real run against an API that says every key back."""

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from deltalake import DeltaTable

from smart_trader.simulator.addresses import address

HOME = Path(__file__).parents[2]
BIRDEYE, HELIUS, HEADER = "planted/birdeye+8437529016", "planted-helius-8437529016", "planted-header-8437529016"
MARK = b"8437529016"
KINDS = ("fine", "refused", "broken", "elsewhere", "html", "unsuccessful", "cut", "forbidden")
WALLETS = {address(kind): kind for kind in KINDS}


class SaysKeysBack(BaseHTTPRequestHandler):
    """Answers each wallet in a way of its own, always with the key that it was sent."""

    def do_GET(self) -> None:
        [wallet] = parse_qs(urlsplit(self.path).query).get("address", [""])
        key = self.headers["X-API-KEY"]
        said = json.dumps({"success": False, "message": f"bad key {key}", "headers": dict(self.headers)})
        match WALLETS.get(wallet):
            case "fine":
                self._answer(200, json.dumps({"success": True, "data": {"items": [], "hasNext": False}}))
            case "refused":
                self._answer(400, said)
            case "broken":
                self._answer(500, said)
            case "elsewhere":
                self._answer(302, said, Location=f"http://elsewhere.invalid/{key}")
            case "html":
                self._answer(200, f"<html>{key}</html>")
            case "cut":
                self._answer(200, said[:-10])
            case "forbidden":
                time.sleep(2)  # after the others
                self._answer(403, said)
            case _:
                self._answer(200, said)

    def _answer(self, status: int, body: str, **headers: str) -> None:
        self.send_response(status, "8437529016")
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_given: object) -> None:
        """Says nothing."""


@pytest.fixture
def hostile_api() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), SaysKeysBack)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def command_lines() -> Iterator[bytes]:
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield file.read_bytes()
        except OSError:
            continue


@pytest.mark.spark
def test_planted_keys_are_nowhere(hostile_api: str, tmp_path: Path) -> None:
    (tmp_path / "events").mkdir()
    (tmp_path / "scratch").mkdir()
    (tmp_path / "wallets.txt").write_text("\n".join(WALLETS))
    pairs = (f"warehouse.scratch={tmp_path}/scratch", "birdeye.attempts=1", "disk.critical_percent=100")
    run = subprocess.Popen(
        [
            *(HOME / "bin" / "submit.sh", "bronze_transactions", "--wallets", "wallets.txt", "--run-id", "the-run"),
            *(part for pair in pairs for part in ("--set", pair)),
        ],
        cwd=tmp_path,
        env={
            "HOME": str(tmp_path),
            "PATH": "/usr/bin:/bin",
            "SMART_TRADER_BIRDEYE__API_KEY": BIRDEYE,
            "SMART_TRADER_BIRDEYE__BASE_URL": hostile_api,
            "SMART_TRADER_BIRDEYE__REQUESTS_PER_SECOND": "100",
            "SMART_TRADER_HELIUS__API_KEY": HELIUS,
            "SMART_TRADER_HELIUS__AUTH_HEADER": HEADER,
            "JAVA_TOOL_OPTIONS": f"-Dspark.eventLog.enabled=true -Dspark.eventLog.compress=false -Dspark.eventLog.dir=file://{tmp_path}/events",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    seen: set[bytes] = set()

    def watch() -> None:
        while run.poll() is None:
            seen.update(command_lines())
            time.sleep(0.05)

    watcher = threading.Thread(target=watch)
    watcher.start()
    output, messages = run.communicate()
    watcher.join()
    assert run.returncode == 77, messages.decode()

    assert any(b"bronze_transactions" in line and b"java" in line for line in seen)
    assert not any(MARK in line for line in seen)
    assert MARK not in output + messages
    assert b"***" in messages  # the key was said, and hidden

    written = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert [str(path) for path, content in written.items() if MARK in content] == []
    for table in ("ops/runs", "silver/tracked_whales", "bronze/rejected_rows"):
        rows = DeltaTable(tmp_path / "lakehouse" / table)
        assert MARK not in str(rows.to_pyarrow_table().to_pylist()).encode()
        assert MARK not in str(rows.history()).encode()

    # All of it was looked at, and names the run.
    for place in ("events/", "logs/smart-trader-the-run.jsonl", "lakehouse/ops/runs/_delta_log/"):
        assert any(str(path).startswith(place) and b"the-run" in content for path, content in written.items()), place
    [row] = DeltaTable(tmp_path / "lakehouse" / "ops" / "runs").to_pyarrow_table().to_pylist()
    assert (row["run_id"], row["exit_code"], row["outcome"]) == ("the-run", 77, "failed")
    assert "***" in row["message"]
    lines = [json.loads(line) for line in written[Path("logs/smart-trader-the-run.jsonl")].splitlines()]
    assert {line["context"]["run_id"] for line in lines} == {"the-run"}
    assert lines[-1]["msg"] == "run ended" and lines[-1]["context"]["exit_code"] == 77
