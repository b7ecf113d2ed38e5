"""Settings: precedence, provenance, and refusing what is unknown, out of range or in the wrong place."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from smart_trader.config.settings import FIELDS, SECRETS, describe, load, require, secret_values, settings_hash
from smart_trader.config.sources import CONTROL_VARIABLES, variable
from smart_trader.errors import ConfigurationError
from smart_trader.io.http.client import HttpPolicy

ROOT = Path(__file__).parents[1]
PER_RUN = "SMART_TRADER_TOKENS__PER_RUN"
API_KEY = "SMART_TRADER_BIRDEYE__API_KEY"
PLANTED = "planted-secret-0123456789"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    return tmp_path


def problems(*, environ: Mapping[str, str] | None = None, **arguments: Any) -> str:
    with pytest.raises(ConfigurationError) as refusal:
        load(environ=environ or {}, **arguments)
    return str(refusal.value)


def write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")


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
        "fee_sol_max": Decimal("0.05"),
        "fee_stable_usd_max": Decimal(10),
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
    assert tuple(ranking.recommended.model_dump().values()) == (10, 1, 40, Decimal("0.8"))
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


def test_the_later_layer_wins_and_each_value_knows_where_it_is_from(home: Path) -> None:
    seen = []
    environ: dict[str, str] = {}
    overrides: list[tuple[str, str]] = []
    demo: list[tuple[str, str]] = []
    layers: tuple[Callable[[], object], ...] = (
        lambda: None,
        lambda: write(home / "conf/local.toml", "[tokens]\nper_run = 2\n"),
        lambda: write(home / ".env", f"OTHER=1\nexport {PER_RUN}='3'\n"),
        lambda: environ.update({PER_RUN: " 4 "}),
        lambda: overrides.extend([("tokens.per_run", "9"), ("tokens.per_run", "5")]),
        lambda: demo.append(("tokens.per_run", "6")),
    )
    for add in layers:
        add()
        settings = load(home=home, environ=environ, overrides=overrides, demo=demo)
        seen.append((settings.tokens.per_run, settings._sources["tokens.per_run"]))
    assert seen == [
        (50, "conf/defaults.toml"),
        (2, "conf/local.toml"),
        (3, ".env"),
        (4, "environment"),
        (5, "--set"),
        (6, "demo"),
    ]


def test_a_layer_changes_only_what_it_names(home: Path) -> None:
    write(home / "conf/local.toml", "[ranking.elite]\nmin_pnl_usd = 5\n")
    elite = load(home=home, environ={}).ranking.elite
    assert (elite.min_pnl_usd, elite.min_roi_percent) == (Decimal(5), Decimal(50))


def test_home_is_found_through_the_environment(home: Path) -> None:
    write(home / "conf/local.toml", "[tokens]\nper_run = 7\n")
    assert load(environ={"SMART_TRADER_HOME": str(home)}).tokens.per_run == 7


def test_another_env_file_is_read_instead_or_its_absence_said(home: Path) -> None:
    write(home / ".env", f"{PER_RUN}=3\n")
    write(home / "mine", f"{PER_RUN}=8\n")
    assert load(home=home, environ={}, env_file=home / "mine").tokens.per_run == 8
    assert "does not exist" in problems(home=home, env_file=home / "nothing")


def test_decimals_are_those_that_were_written(home: Path) -> None:
    write(home / "conf/local.toml", "[pnl]\nclosed_ratio = 0.1234567890123456789\n")
    assert load(home=home, environ={}).pnl.closed_ratio == Decimal("0.1234567890123456789")


@pytest.mark.parametrize("layer", ["toml", "dotenv", "environment", "--set"])
@pytest.mark.parametrize(
    ("wrong", "near"), [("tokens.min_holder", "tokens.min_holders"), ("birdeye.base_ulr", "birdeye.base_url")]
)
def test_an_unknown_name_is_refused_with_the_nearest_one(home: Path, layer: str, wrong: str, near: str) -> None:
    arguments: dict[str, Any] = {"home": home}
    section, name = wrong.split(".")
    match layer:
        case "toml":
            write(home / "conf/local.toml", f'[{section}]\n{name} = "{PLANTED}"\n')
        case "dotenv":
            write(home / ".env", f"{variable(wrong)}={PLANTED}\n")
        case "environment":
            arguments["environ"] = {variable(wrong): PLANTED}
        case _:
            arguments["overrides"] = [(wrong, PLANTED)]
    in_variables = layer in ("dotenv", "environment")
    text = problems(**arguments)
    assert f"{variable(wrong) if in_variables else wrong!r}".strip("'") in text
    assert f"did you mean {variable(near) if in_variables else near}?" in text
    assert PLANTED not in text


def test_one_underscore_too_few_is_seen() -> None:
    assert "did you mean SMART_TRADER_BIRDEYE__BASE_URL?" in problems(environ={"SMART_TRADER_BIRDEYE_BASE_URL": "x"})


def test_a_section_is_no_setting_and_a_setting_no_section(home: Path) -> None:
    write(home / "conf/local.toml", "birdeye = 3\n[tokens.per_run]\nx = 1\n")
    text = problems(home=home)
    assert "'birdeye' (conf/local.toml): no such setting" in text
    assert "'tokens.per_run.x' (conf/local.toml): no such setting, did you mean tokens.per_run?" in text


def test_control_variables_and_those_of_others_are_left_alone() -> None:
    environ = dict.fromkeys(CONTROL_VARIABLES - {"SMART_TRADER_HOME"}, "x") | {"PATH": "x", "TRADER": "x"}
    assert load(environ=environ) == load(environ={})


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
        ("ranking.pnl_basis", "both", "must be one of realized, total"),
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
        ([("pnl.price_gap_ok", "11")], "pnl: price_gap_ok must not be above price_gap_suspect"),
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


@pytest.mark.parametrize("key", sorted(SECRETS))
def test_a_secret_is_taken_from_the_environment_and_shown_nowhere(home: Path, key: str) -> None:
    write(home / ".env", f"{variable(key)}={PLANTED}\n")
    for settings in (load(environ={variable(key): PLANTED}), load(home=home, environ={})):
        assert require(settings, key) == PLANTED
        assert secret_values(settings) == (PLANTED,)
        assert PLANTED not in describe(settings) + describe(settings, as_json=True) + repr(settings) + str(settings)


@pytest.mark.parametrize("key", sorted(SECRETS))
def test_a_secret_in_a_file_of_settings_or_on_the_command_line_is_refused(home: Path, key: str) -> None:
    section, name = key.split(".")
    write(home / "conf/local.toml", f'[{section}]\n{name} = "{PLANTED}"\n')
    for text in (problems(home=home), problems(overrides=[(key, PLANTED)])):
        assert f"set {variable(key)}" in text
        assert PLANTED not in text


def test_a_key_that_cannot_be_sent_is_refused_without_showing_it() -> None:
    text = problems(environ={API_KEY: f"{PLANTED}\n{PLANTED}"})
    assert f"{API_KEY} = *** (environment): must be plain printable characters" in text
    assert PLANTED not in text


def test_the_password_of_an_address_is_not_shown() -> None:
    for key in ("birdeye.base_url", "warehouse.s3_endpoint", "helius.webhook_url"):
        text = problems(overrides=[(key, f"https://me:{PLANTED}@host/x")])
        assert f"{key} = 'https://***@host/x'" in text
        assert PLANTED not in text


def test_a_missing_key_is_one_line_with_the_variable_to_set() -> None:
    with pytest.raises(ConfigurationError) as refusal:
        require(load(environ={API_KEY: " "}), "birdeye.api_key")
    assert str(refusal.value) == f"birdeye.api_key is missing: set {API_KEY} in the environment or in .env"
    assert refusal.value.exit_status == 78


def test_empty_is_none_where_none_makes_sense_and_refused_elsewhere() -> None:
    units = variable("birdeye.compute_units_per_run")
    assert load(environ={units: "500"}).birdeye.compute_units_per_run == 500
    assert load(environ={units: ""}).birdeye.compute_units_per_run is None
    assert f"must not be empty: set {PER_RUN}" in problems(environ={PER_RUN: ""})


def test_a_demonstration_brings_its_own_key_and_place(tmp_path: Path) -> None:
    demo = [("birdeye.base_url", "http://127.0.0.1:1234"), ("birdeye.api_key", "x"), ("warehouse.root", str(tmp_path))]
    real = {"SMART_TRADER_WAREHOUSE__ROOT": "s3a://real", API_KEY: PLANTED}
    settings = load(environ=real, overrides=[("warehouse.root", "s3a://real")], demo=demo)
    assert (require(settings, "birdeye.api_key"), settings.warehouse.root) == ("x", str(tmp_path))


def test_places_are_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert load(environ={}).warehouse.root == str(tmp_path / "lakehouse")
    assert load(environ={}, overrides=[("warehouse.root", "~/lake")]).warehouse.root == str(tmp_path / "me" / "lake")
    assert load(environ={}, overrides=[("warehouse.root", "file:/lake")]).warehouse.root == "/lake"


def test_lists_are_written_with_commas_or_as_lists(home: Path) -> None:
    write(home / "conf/local.toml", '[helius]\ntransaction_types = ["SWAP", "BUY"]\n')
    assert load(home=home, environ={}).helius.transaction_types == ("SWAP", "BUY")
    overrides = [("helius.transaction_types", "SWAP, BUY,")]
    assert load(environ={}, overrides=overrides).helius.transaction_types == ("SWAP", "BUY")


def test_settings_do_not_change() -> None:
    settings = load(environ={})
    with pytest.raises(ValidationError):
        settings.tokens = settings.tokens
    with pytest.raises(ValidationError):
        settings.ranking.elite.min_pnl_usd = Decimal(1)


def test_the_environment_reaches_the_model_only_through_the_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENS", "{}")
    monkeypatch.setenv("RUN", "x")
    assert load(environ={}).tokens.per_run == 50


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("conf/local.toml", b"[tokens\n"),
        ("conf/local.toml", b"\xff"),
        ("conf/local.toml", b"[tokens]\nper_run=1\nper_run=2\n"),
        (".env", b"\xff\xfe=1"),
        pytest.param("conf/local.toml", b"a = " + b"[" * 2_000 + b"]" * 2_000, id="lists in lists"),
        pytest.param("conf/local.toml", b".".join([b"a"] * 3_000) + b" = 1", id="sections in sections"),
        pytest.param("conf/local.toml", b"[tokens]\nper_run = 0x" + b"f" * 5_000, id="more digits than Python writes"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(home: Path, file: str, content: bytes) -> None:
    (home / file).write_bytes(content)
    assert f"{home / file} cannot be read" in problems(home=home)


@pytest.mark.parametrize(
    "text",
    [
        "{0}={1}\r\n",
        "\ufeff{0}={1}\n",
        "export {0}={1}",
        "{0}='{1}'",
        '# the key\n\n{0}="{1}"   # of the paid plan\r\n',
        "  {0} = {1}  # of the paid plan\n",
    ],
)
def test_the_key_is_the_key_however_people_write_it(home: Path, text: str) -> None:
    (home / ".env").write_bytes(text.format(API_KEY, PLANTED).encode())
    assert require(load(home=home, environ={}), "birdeye.api_key") == PLANTED


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"{API_KEY}={PLANTED}\n{API_KEY} {PLANTED}\n", 2),
        (f"# comment\r\n\r\n{API_KEY}='{PLANTED}\r\n", 3),
        (f"{API_KEY}\n", 1),
        (f'{API_KEY}="{PLANTED}"{PLANTED}', 1),
        (f"={PLANTED}", 1),
    ],
)
def test_a_line_of_an_env_file_that_says_nothing_is_named_and_not_shown(home: Path, text: str, line: int) -> None:
    (home / ".env").write_bytes(text.encode())
    refusal = problems(home=home)
    assert f"{home}/.env, line {line}, is not NAME=VALUE" in refusal
    assert PLANTED not in refusal


@pytest.mark.parametrize("value", ["a${HOME}b", "${SMART_TRADER_TOKENS__PER_RUN}", "${NOWHERE:-x}"])
def test_the_key_is_taken_to_the_letter(home: Path, value: str) -> None:
    write(home / ".env", f"{PER_RUN}=7\n{API_KEY}={value}\n")
    assert require(load(home=home, environ={}), "birdeye.api_key") == value


def test_a_profile_with_the_mark_of_a_windows_editor_is_read(home: Path) -> None:
    (home / "conf" / "local.toml").write_bytes(b"\xef\xbb\xbf[tokens]\r\nper_run = 7\r\n")
    assert load(home=home, environ={}).tokens.per_run == 7


@pytest.mark.parametrize("file", ["conf/local.toml", ".env"])
def test_a_pipe_is_not_waited_for(home: Path, file: str) -> None:
    (home / file).unlink(missing_ok=True)
    os.mkfifo(home / file)
    asked = (
        "import sys; from pathlib import Path; from smart_trader.config.settings import load;"
        "load(home=Path(sys.argv[1]))"
    )
    run = subprocess.run([sys.executable, "-c", asked, home], capture_output=True, text=True, timeout=20, cwd=ROOT)
    assert f"{home / file} cannot be read: it is something else than a file" in run.stderr


def test_an_env_file_that_is_something_else_is_not_passed_over(home: Path) -> None:
    (home / ".env").symlink_to(home / "mounted" / "secrets.env")
    assert f"{home}/.env leads nowhere" in problems(home=home)
    (home / ".env").unlink()
    (home / ".env").mkdir()
    assert f"{home}/.env cannot be read" in problems(home=home)


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


def test_a_missing_profile_or_folder_is_said(tmp_path: Path) -> None:
    assert "choose one of cluster, local, s3" in problems(profile="../../etc/x")
    assert "choose one of cluster, local, s3" in problems(profile="defaults")
    assert "set SMART_TRADER_HOME" in problems(home=tmp_path)


def test_a_default_that_was_deleted_is_missed(home: Path) -> None:
    file = home / "conf/defaults.toml"
    write(file, file.read_text().replace("per_run = 50\n", ""))
    assert "tokens.per_run: has no value; conf/defaults.toml must give one" in problems(home=home)


def test_description_has_every_setting_with_its_source() -> None:
    settings = load(environ={PER_RUN: "3"})
    lines = describe(settings).splitlines()
    assert [line.split(" = ")[0].rstrip() for line in lines] == list(FIELDS)
    assert lines[list(FIELDS).index("tokens.per_run")].split() == ["tokens.per_run", "=", "3", "(environment)"]
    document = json.loads(describe(settings, as_json=True))
    assert list(document) == list(FIELDS)
    assert document["tokens.per_run"] == {"value": "3", "source": "environment"}
    assert document["birdeye.api_key"] == {"value": "", "source": "not set"}


def test_what_is_described_can_be_given_back() -> None:
    first = load(environ={})
    described = json.loads(describe(first, as_json=True))
    again = load(
        environ={}, overrides=[(key, given["value"]) for key, given in described.items() if key not in SECRETS]
    )
    assert again.model_dump() == first.model_dump()


_ONE_OF_EACH_HASHED_SECTION = (
    ("tracking.min_liquidity_usd", "5"),
    ("pnl.closed_ratio", "0.9"),
    ("classify.bot_min_transactions", "3"),
    ("ranking.pnl_basis", "total"),
    ("ranking.recommended.min_roi_percent", "2"),
)


def test_the_hash_follows_what_decides_a_ranking_and_nothing_else(home: Path) -> None:
    def hash_with(*overrides: tuple[str, str]) -> str:
        return settings_hash(load(environ={API_KEY: PLANTED}, overrides=overrides))

    usual = settings_hash(load(environ={}))
    assert len(usual) == 64
    assert hash_with() == usual
    assert hash_with(("pnl.closed_ratio", "0.9800"), ("ranking.elite.min_pnl_usd", "1e4")) == usual
    assert hash_with(("spark.driver_memory", "1g"), ("warehouse.root", "/x"), ("tokens.per_run", "3")) == usual
    changed = {hash_with((key, value)) for key, value in _ONE_OF_EACH_HASHED_SECTION}
    assert len(changed | {usual}) == len(_ONE_OF_EACH_HASHED_SECTION) + 1


def test_the_hash_knows_lists_by_what_is_in_them(tmp_path: Path) -> None:
    def hash_of(*names: str) -> str:
        files = ",".join(str(tmp_path / name) for name in names)
        return settings_hash(load(environ={}, overrides=[("classify.pools_files", files)]))

    for name, content in {"a": "one", "b": "two", "same_as_a": "one"}.items():
        write(tmp_path / name, content)
    assert hash_of("a") == hash_of("same_as_a")
    assert hash_of("a", "b") == hash_of("b", "a")
    assert len({hash_of("a"), hash_of("b"), hash_of("a", "b"), settings_hash(load(environ={}))}) == 4


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
    assert variable(key) in told or f"  {key.rpartition('.')[0]}: " in told


def test_settings_load_without_spark_and_at_once() -> None:
    script = (
        "import sys, time; start = time.perf_counter();"
        "from smart_trader.config.settings import load; load(environ={});"
        "assert time.perf_counter() - start < 2; assert not {'pyspark', 'requests', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)
