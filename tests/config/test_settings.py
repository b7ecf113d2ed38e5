"""Settings as they are used: secrets, what is described, and what the hash follows."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from smart_trader.config.settings import FIELDS, SECRETS, describe, load, require, secret_values, settings_hash
from smart_trader.config.sources import variable
from smart_trader.errors import ConfigurationError
from tests.config.shared import API_KEY, PER_RUN, PLANTED, ROOT, problems, write


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


def test_a_demonstration_brings_its_own_key_and_place(tmp_path: Path) -> None:
    demo = [("birdeye.base_url", "http://127.0.0.1:1234"), ("birdeye.api_key", "x"), ("warehouse.root", str(tmp_path))]
    real = {"SMART_TRADER_WAREHOUSE__ROOT": "s3a://real", API_KEY: PLANTED}
    settings = load(environ=real, overrides=[("warehouse.root", "s3a://real")], demo=demo)
    assert (require(settings, "birdeye.api_key"), settings.warehouse.root) == ("x", str(tmp_path))


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


def test_settings_load_without_spark_and_at_once() -> None:
    script = (
        "import sys, time; start = time.perf_counter();"
        "from smart_trader.config.settings import load; load(environ={});"
        "assert time.perf_counter() - start < 2; assert not {'pyspark', 'requests', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)
