"""What may be set: defaults, bounds, and what does not go together."""

import re
import socket
import threading
import tomllib
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from smart_trader.config.settings import FIELDS, SECRETS, load
from smart_trader.config.sources import variable
from smart_trader.errors import ConfigurationError
from smart_trader.io.http.client import HttpPolicy
from tests.config.shared import PER_RUN, ROOT, problems, write


def test_the_defaults_are_those_of_the_contract() -> None:
    settings = load(environ={})
    assert settings.tokens.model_dump() == {
        "per_run": 50,
        "min_liquidity_usd": Decimal(100_000),
        "max_liquidity_usd": Decimal(10_000_000),
        "min_volume_1h_usd": Decimal(200_000),
        "min_price_change_24h_percent": Decimal(30),
        "min_price_change_2h_percent": Decimal(10),
        "min_holders": 100,
    }
    assert settings.pnl.model_dump() == {
        "refresh_days": 14,
        "stable_coins_files": (),
        "leftover_ratio": Decimal("0.02"),
        "sol_price_min_usd": Decimal(1),
        "sol_price_max_usd": Decimal(10_000),
        "stable_price_tolerance": Decimal("0.02"),
        "price_gap_ok": Decimal("1.25"),
        "price_gap_suspect": Decimal(10),
        "closed_ratio": Decimal("0.98"),
        "dead_after_days": 7,
        "dead_value_ratio": Decimal("0.1"),
        "mark_max_age_hours": 24,
        "mark_max_share_of_liquidity": Decimal("0.02"),
        "token_coverage_min": Decimal("0.8"),
    }
    ranking = settings.ranking
    assert [tuple(tier.model_dump().values()) for tier in (ranking.elite, ranking.strong, ranking.promising)] == [
        (10_000, 50, 30),
        (1_000, 20, 20),
        (100, 10, 10),
    ]
    assert tuple(ranking.recommended.model_dump().values()) == (
        *(10, 1, 40, 30),
        *(Decimal("0.8"), Decimal("0.8"), None),
    )
    assert tuple(settings.retention.model_dump().values()) == (7, 90, 90, 400)
    assert settings.birdeye.requests_per_second == 1
    assert settings.birdeye.compute_units_per_run is None
    assert settings.birdeye.units.model_dump() == {"token_list": 50, "token_holder": 50, "trader_txs": 12}
    assert (settings.whales.refresh_hours, settings.transactions.refresh_days) == (72, 14)


def test_each_setting_but_the_secrets_has_its_one_default_in_the_file() -> None:
    content = tomllib.loads((ROOT / "conf/defaults.toml").read_text())

    def keys(table: dict[str, object], above: str = "") -> set[str]:
        return {
            key
            for name, value in table.items()
            for key in (keys(value, f"{above}{name}.") if isinstance(value, dict) else {above + name})
        }

    assert keys(content) == set(FIELDS) - SECRETS
    assert {key for key, field in FIELDS.items() if not field.is_required()} == SECRETS
    assert {"birdeye.api_key", "helius.api_key", "helius.auth_header"} == SECRETS


def test_no_default_stands_without_a_reason() -> None:
    """Above the first key of each section, or of the section it is part of, there is a comment."""
    section, explained, previous = "", False, ""
    for line in filter(None, (ROOT / "conf/defaults.toml").read_text().splitlines()):
        top = line.strip("[]").partition(".")[0]
        if line.startswith("[") and top != section:
            section, explained = top, previous.startswith("#")
        elif line.startswith("#"):
            explained = True
        elif not line.startswith("["):
            assert explained, f"{section}: {line}"
        previous = line


@pytest.mark.parametrize("profile", ["local", "s3", "cluster"])
def test_each_profile_needs_no_more_than_a_place_for_the_tables(profile: str) -> None:
    assert load(profile, environ={"SMART_TRADER_WAREHOUSE__ROOT": "s3a://lake/x/"}).warehouse.root == "s3a://lake/x"


@pytest.mark.parametrize("profile", ["s3", "cluster"])
def test_a_profile_without_local_tables_asks_for_the_place(profile: str) -> None:
    assert f"conf/{profile}.toml): must not be empty: set SMART_TRADER_WAREHOUSE__ROOT" in problems(profile=profile)


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("tokens.per_run", "many", "must be a whole number, at least 1, at most 1,000,000,000"),
        ("tokens.per_run", "0", "must be a whole number, at least 1"),
        ("tokens.per_run", "1.5", "must be a whole number"),
        ("retention.gold_days", "100000", "must be a whole number, at least 1, at most 36,500"),
        ("pnl.closed_ratio", "nan", "must be a number, at least 0, at most 1"),
        ("pnl.closed_ratio", "1.0001", "must be a number, at least 0, at most 1"),
        ("tokens.min_liquidity_usd", "1e400", "must be a number, at least 0"),
        ("birdeye.requests_per_second", "0", "must be a number, at least 0.001, at most 1,000"),
        ("birdeye.requests_per_second", "1e-400", "must be a number, at least 0.001, at most 1,000"),
        ("birdeye.read_timeout_seconds", "inf", "must be a number, more than 0"),
        ("run.time_budget_minutes", "-5", "must be a whole number, at least 1"),
        ("ranking.pnl_basis", "both", "must be one of trusted, realized, total"),
        ("spark.driver_memory", "1k", "must be a whole number with m or g"),
        ("spark.driver_memory", "400m", "must be at least 512m"),
        ("spark.driver_memory", "2 GB", "must be a whole number with m or g, such as 2g"),
        ("helius.transaction_types", ",", "must be a comma-separated list of at least one"),
        ("classify.pools_files", "/nowhere/list", "no such file"),
        ("birdeye.base_url", "ftp://x", "must be an http:// or https:// address"),
        ("birdeye.base_url", "http://api.example", "must be an https:// address"),
        ("birdeye.base_url", "https://api.example:99999", "Port out of range 0-65535"),
        ("birdeye.base_url", "https://api.example:0", "must be an http:// or https:// address"),
        ("warehouse.root", "s3://lake", "must begin with s3a://"),
    ],
)
def test_a_bad_value_is_shown_with_what_is_allowed(key: str, value: str, allowed: str) -> None:
    assert f"{key} = {value!r} (--set): {allowed}" in problems(overrides=[(key, value)])
    assert f"{variable(key)} = {value!r} (environment): {allowed}" in problems(environ={variable(key): value})


def test_true_is_no_number(home: Path) -> None:
    write(home / "conf/local.toml", "[tokens]\nper_run = true\n")
    assert "tokens.per_run = 'True' (conf/local.toml): must be a whole number" in problems(home=home)


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        ([("tokens.min_liquidity_usd", "1e8")], "tokens: min_liquidity_usd must not be above max_liquidity_usd"),
        ([("disk.warn_percent", "95")], "disk: warn_percent must not be above critical_percent"),
        ([("pnl.sol_price_min_usd", "10001")], "pnl: sol_price_min_usd must not be above sol_price_max_usd"),
        ([("pnl.price_gap_ok", "11")], "pnl: price_gap_ok must not be above price_gap_suspect"),
        ([("lease.renew_seconds", "16")], "lease: renew_seconds must not be above a quarter of expire_seconds"),
        (
            [("store.attempts", "6")],
            "  lease.expire_seconds: half of it (30 s) must be longer than a request to a store may take (30 s:",
        ),
        (
            [("lease.expire_seconds", "30"), ("lease.renew_seconds", "5"), ("store.attempts", "1")],
            "half of it (15 s) must be longer than a request to a store may take (15 s:",
        ),
        ([("ranking.weights.roi", "0.31")], "ranking.weights: the four weights must add up to 1"),
    ],
)
def test_values_that_do_not_go_together_are_refused(overrides: list[tuple[str, str]], problem: str) -> None:
    assert problem in problems(overrides=overrides)


def test_every_problem_is_said_at_once_one_line_each() -> None:
    text = problems(environ={PER_RUN: "x", "SMART_TRADER_NO": ""}, overrides=[("nothing.like.it", ""), (PER_RUN, "3")])
    assert len(text.splitlines()) == 1 + 4


def test_nothing_that_is_given_escapes_its_line() -> None:
    text = problems(overrides=[("tokens.per_run", "1\n\x1b[2J" + "x" * 500), ("a\nb", "")])
    assert len(text.splitlines()) == 1 + 2
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) < 200


def test_empty_is_none_where_none_makes_sense_and_refused_elsewhere() -> None:
    units = variable("birdeye.compute_units_per_run")
    assert load(environ={units: "500"}).birdeye.compute_units_per_run == 500
    assert load(environ={units: ""}).birdeye.compute_units_per_run is None
    assert f"must not be empty: set {PER_RUN}" in problems(environ={PER_RUN: ""})


def test_places_are_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert load(environ={}).warehouse.root == str(tmp_path / "lakehouse")
    assert load(environ={}, overrides=[("warehouse.root", "~/lake")]).warehouse.root == str(tmp_path / "me" / "lake")
    assert load(environ={}, overrides=[("warehouse.root", "file:/lake")]).warehouse.root == "/lake"


def test_settings_do_not_change() -> None:
    settings = load(environ={})
    with pytest.raises(ValidationError):
        settings.tokens = settings.tokens
    with pytest.raises(ValidationError):
        settings.ranking.elite.min_pnl_usd = Decimal(1)


@pytest.mark.parametrize("key", ["warehouse.root", "warehouse.scratch", "logs.folder", "classify.pools_files"])
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("~nosuchuser/x", "a user that there is not"),
        ("/data/" + "x" * 300, "too long"),
        ("/data/a\x00b", "control character"),
        ("/data/a\nb", "control character"),
    ],
)
def test_a_path_that_nobody_could_open_is_refused_with_its_reason(key: str, value: str, reason: str) -> None:
    assert reason in problems(overrides=[(key, value)])


def test_a_default_that_was_deleted_is_missed(home: Path) -> None:
    file = home / "conf/defaults.toml"
    write(file, file.read_text().replace("per_run = 50\n", ""))
    assert "tokens.per_run: has no value; conf/defaults.toml must give one" in problems(home=home)


_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3_600, "days": 86_400}


def test_the_longest_time_that_can_be_set_can_be_waited_for_and_counted_back() -> None:
    times = {key: unit for key in FIELDS if (unit := key.rpartition("_")[2]) in _SECONDS}
    assert {"run.time_budget_minutes", "birdeye.read_timeout_seconds", "retention.bronze_days"} <= set(times)
    for key, unit in times.items():
        refusal = problems(overrides=[(key, str(10**18))])
        most = re.search(r"at most ([0-9,]+)", refusal)
        assert most, refusal
        seconds = int(most[1].replace(",", "")) * _SECONDS[unit]
        assert datetime(2026, 1, 1, tzinfo=UTC) - timedelta(seconds=seconds), key
        assert seconds <= threading.TIMEOUT_MAX, key
        with socket.socket() as unconnected:
            unconnected.settimeout(seconds)


@pytest.mark.parametrize("section", ["birdeye", "helius"])
def test_an_api_has_all_that_the_client_takes(section: str) -> None:
    api = getattr(load(environ={}), section)
    assert all(hasattr(api, field.name) for field in fields(HttpPolicy))


@given(st.sampled_from(sorted(FIELDS)), st.text(max_size=60).filter(lambda text: "\x00" not in text))
def test_any_text_is_either_taken_or_refused_with_its_name(key: str, value: str) -> None:
    try:
        load(environ={variable(key): value})
    except ConfigurationError as refusal:
        told = str(refusal)
    else:
        return
    assert variable(key) in told or f"  {key.rpartition('.')[0]}: " in told or key in told


def test_every_setting_is_read() -> None:
    """Looked for by name only: a name that something else has as well counts as read."""
    files = [file for file in (ROOT / "smart_trader").rglob("*.py") if file.name != "model.py"]
    named = set(re.findall(r"\w+", " ".join(file.read_text("utf-8") for file in files)))
    assert not {key for key in FIELDS if key.rpartition(".")[2] not in named}
