"""Runs of the launcher on a warehouse in the S3 server."""

import json
from pathlib import Path

from tests.reliability.processes import Place
from tests.store.server import BUCKET, KEY, SECRET, Server

EXPIRE_SECONDS = 32
"""Half of it is just above what a request may take."""


def place(folder: Path, server: Server, name: str) -> Place:
    """A place whose warehouse is `name` in the bucket."""
    made = Place(folder / name)
    made.settings = {
        "warehouse.root": f"s3a://{BUCKET}/{name}",
        "warehouse.s3_endpoint": server.url,
        "lease.renew_seconds": "4",
        "lease.expire_seconds": str(EXPIRE_SECONDS),
    }
    made.environ = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    return made


def digests(where: Place) -> dict[str, str]:
    """By table, of the rows that `validate` finds."""
    run = where.start("validate", "--digests", "--json")
    assert run.wait() == 0, run.said
    return {
        table["table"]: table["digest"] for table in json.loads(run.output)["tables"] if table["table"] != "ops.runs"
    }
