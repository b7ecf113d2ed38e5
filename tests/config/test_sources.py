"""Where settings are written: files, `.env`, the environment, the command line; which wins, and what is refused."""

import os
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from smart_trader.config.settings import load, require
from smart_trader.config.sources import CONTROL_VARIABLES, variable
from tests.config.shared import API_KEY, PER_RUN, PLANTED, ROOT, problems, write


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


def test_lists_are_written_with_commas_or_as_lists(home: Path) -> None:
    write(home / "conf/local.toml", '[helius]\ntransaction_types = ["SWAP", "BUY"]\n')
    assert load(home=home, environ={}).helius.transaction_types == ("SWAP", "BUY")
    overrides = [("helius.transaction_types", "SWAP, BUY,")]
    assert load(environ={}, overrides=overrides).helius.transaction_types == ("SWAP", "BUY")


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


def test_a_missing_profile_or_folder_is_said(tmp_path: Path) -> None:
    assert "choose one of cluster, local, s3" in problems(profile="../../etc/x")
    assert "choose one of cluster, local, s3" in problems(profile="defaults")
    assert "set SMART_TRADER_HOME" in problems(home=tmp_path)
