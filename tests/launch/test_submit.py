"""What spark-submit is called with, and what its end means."""

import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from smart_trader import tuning
from smart_trader.config.settings import load
from smart_trader.errors import ConfigurationError, SmartTraderError
from smart_trader.launch import java, job, setup, submit
from smart_trader.run import demo

HOME = Path(__file__).parents[2]
CORES = os.cpu_count() or 1
MB = 2**20


def described(**changes: object) -> submit.Run:
    given = {
        "home": Path("/opt/smart trader"),
        "folder": Path("/tmp/smart-trader-x"),
        "java_home": Path("/usr/lib/jvm/java-17"),
        "job": "silver_pnl",
        "run_id": "20261120T090000Z-abc123",
        "arguments": ["--limit", "5", "--run-id", "20261120T090000Z-abc123"],
        "settings": load(environ={}, overrides=[("spark.shuffle_partitions", "4")], home=HOME),
        "package": Path("/tmp/smart-trader-x/smart_trader.zip"),
        "jars": [Path("/opt/smart trader/jars/a.jar"), Path("/opt/smart trader/jars/b.jar")],
    }
    return submit.Run(**(given | changes))  # type: ignore[arg-type]  # values of many types


def test_the_command_line_of_a_local_run() -> None:
    options = (
        "-Dlog4j2.configurationFile=/opt/smart trader/conf/log4j2.properties",
        "-Djava.io.tmpdir=/tmp/smart-trader-x",
        "-Xlog:disable",
        "-Xlog:all=error:stderr",
        "-XX:-UsePerfData",
        "-XX:+UseParallelGC",
        "-XX:MetaspaceSize=256m",
        *tuning.large_run("2g"),
    )
    assert submit.command_line(described()) == [
        f"{submit.spark_home()}/bin/spark-submit",
        *("--master", "local[*]"),
        *("--deploy-mode", "client"),
        *("--name", "smart-trader silver_pnl 20261120T090000Z-abc123"),
        *("--driver-memory", "2g"),
        *("--properties-file", "/opt/smart trader/conf/spark-defaults.conf"),
        *("--driver-java-options", " ".join(f'"{option}"' for option in options)),
        *("--py-files", "/tmp/smart-trader-x/smart_trader.zip"),
        *("--conf", "spark.sql.shuffle.partitions=4"),
        *("--conf", "spark.driver.maxResultSize=1024m"),
        *("--conf", "spark.driver.extraClassPath=/opt/smart trader/jars/a.jar:/opt/smart trader/jars/b.jar"),
        *("--conf", "spark.sql.adaptive.enabled=false"),
        *("--conf", "spark.storage.blockManagerHeartbeatTimeoutMs=86400s"),
        *("--conf", "spark.sql.warehouse.dir=/tmp/smart-trader-x/spark-warehouse"),
        *("--conf", "spark.python.unix.domain.socket.enabled=true"),
        "/opt/smart trader/smart_trader/jobs/silver_pnl.py",
        *("--limit", "5", "--run-id", "20261120T090000Z-abc123"),
    ]


@pytest.mark.parametrize("stored", [0, None], ids=["small", "large"])
def test_without_tuning_the_command_line_has_no_option_for_speed(stored: int | None) -> None:
    overrides = [("spark.shuffle_partitions", "4"), ("spark.tuning", "false")]
    run = described(settings=load(environ={}, overrides=overrides, home=HOME), stored_bytes=stored)
    options = (
        "-Dlog4j2.configurationFile=/opt/smart trader/conf/log4j2.properties",
        "-Djava.io.tmpdir=/tmp/smart-trader-x",
        "-Xlog:disable",
        "-Xlog:all=error:stderr",
        "-XX:-UsePerfData",
    )
    assert submit.command_line(run) == [
        f"{submit.spark_home()}/bin/spark-submit",
        *("--master", "local[*]"),
        *("--deploy-mode", "client"),
        *("--name", "smart-trader silver_pnl 20261120T090000Z-abc123"),
        *("--driver-memory", "2g"),
        *("--properties-file", "/tmp/smart-trader-x/spark-defaults.conf"),
        *("--driver-java-options", " ".join(f'"{option}"' for option in options)),
        *("--py-files", "/tmp/smart-trader-x/smart_trader.zip"),
        *("--conf", "spark.sql.shuffle.partitions=4"),
        *("--conf", "spark.driver.maxResultSize=1024m"),
        *("--conf", "spark.driver.extraClassPath=/opt/smart trader/jars/a.jar:/opt/smart trader/jars/b.jar"),
        *("--conf", "spark.storage.blockManagerHeartbeatTimeoutMs=86400s"),
        *("--conf", "spark.sql.warehouse.dir=/tmp/smart-trader-x/spark-warehouse"),
        *("--conf", "spark.python.unix.domain.socket.enabled=true"),
        *("--conf", "spark.smartTrader.tuning=false"),
        "/opt/smart trader/smart_trader/jobs/silver_pnl.py",
        *("--limit", "5", "--run-id", "20261120T090000Z-abc123"),
    ]
    assert "SPARK_LAUNCHER_OPTS" in submit.environment(described(), {})
    assert "SPARK_LAUNCHER_OPTS" not in submit.environment(run, {})


@pytest.mark.parametrize(("stored", "is_whole"), [(1, False), (10**12, True), (None, True)])
def test_much_data_has_the_whole_heap_at_once(stored: int | None, is_whole: bool) -> None:
    settings = load(environ={}, overrides=[("spark.driver_memory", "3g")], home=HOME)
    line = submit.command_line(described(settings=settings, stored_bytes=stored))
    assert ('"-Xms3g"' in line[line.index("--driver-java-options") + 1]) == is_whole


@pytest.mark.parametrize(
    ("memory", "said", "limit"),
    [("4g", "", "2048m"), ("512m", "", "256m"), ("4g", "3g", "3g"), ("4g", "100m", "100m")],
)
def test_a_query_may_bring_half_of_the_memory_to_the_driver_unless_told_otherwise(
    memory: str, said: str, limit: str
) -> None:
    overrides = [("spark.driver_memory", memory), ("spark.driver_max_result_size", said)]
    line = submit.command_line(described(settings=load(environ={}, overrides=overrides, home=HOME)))
    assert f"spark.driver.maxResultSize={limit}" in line


@pytest.mark.parametrize(
    ("said", "is_asked"),
    [
        ("always [madvise] never\n", True),
        ("[always] madvise never\n", True),
        ("always madvise [never]\n", False),
        (None, False),
    ],
)
def test_huge_pages_are_asked_for_where_the_kernel_gives_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: str | None, is_asked: bool
) -> None:
    enabled = tmp_path / "enabled"
    if said is not None:
        enabled.write_text(said, encoding="ascii")
    monkeypatch.setattr(tuning, "_HUGE_PAGES", enabled)
    assert ("-XX:+UseTransparentHugePages" in tuning.large_run("2g")) == is_asked


@pytest.mark.parametrize(("length", "are_local"), [(64, True), (65, False)])
def test_rows_go_through_local_sockets_where_their_names_fit(length: int, are_local: bool) -> None:
    folder = Path("/" + "é" * 20 + "s" * (length - 41))
    line = submit.command_line(described(folder=folder))
    assert ("spark.python.unix.domain.socket.enabled=true" in line) == are_local


def test_a_cluster_is_given_the_jars_to_distribute() -> None:
    settings = load("cluster", environ={}, overrides=[("warehouse.root", "hdfs://host/lake")], home=HOME)
    line = submit.command_line(described(settings=settings, java_options=["-XX:SharedArchiveFile=/x.jsa"]))
    assert line[1:5] == ["--master", "yarn", "--deploy-mode", "client"]
    assert "spark.jars=/opt/smart trader/jars/a.jar,/opt/smart trader/jars/b.jar" in line
    assert "spark.executor.memory=4g" in line
    assert {f"spark.python.unix.domain.socket.{said}" for said in ("enabled=true", "dir=/tmp")} <= set(line)
    of_this_machine = ("extraClassPath", "UseParallelGC", "SharedArchiveFile")
    assert not any(word in part for part in line for word in of_this_machine)
    assert "--load-spark-defaults" in line and "--load-spark-defaults" not in submit.command_line(described())
    assert "spark.sql.warehouse.dir=file:///tmp/smart-trader-x/spark-warehouse" in line  # else it is in HDFS


@pytest.mark.parametrize(("said", "executors"), [("/opt/bare/bin/python", "/opt/bare/bin/python"), ("", "python3")])
def test_executors_have_the_python_that_the_caller_names_and_the_driver_has_ours(said: str, executors: str) -> None:
    settings = load("cluster", environ={}, overrides=[("warehouse.root", "hdfs://host/lake")], home=HOME)
    environ = {"PYSPARK_PYTHON": said, "PYSPARK_DRIVER_PYTHON": "/elsewhere/python", "SPARK_CONF_DIR": "/etc/spark"}
    given = submit.environment(described(settings=settings), environ)
    assert (given["PYSPARK_PYTHON"], given["PYSPARK_DRIVER_PYTHON"]) == (executors, sys.executable)
    assert (given["SPARK_CONF_DIR"], given["SPARK_LOCAL_DIRS"]) == ("/etc/spark", "/tmp/smart-trader-x")
    assert "SPARK_LOCAL_IP" not in given


def test_the_environment_is_that_of_the_user_with_ours_on_top() -> None:
    environ = {"PATH": "/bin", "AWS_REGION": "eu", "PYTHONPATH": "/elsewhere", "SPARK_HOME": "/old", "TZ": "Asia/Tokyo"}
    given = submit.environment(described(), environ)
    assert given["AWS_REGION"] == "eu" and "PYTHONPATH" not in given
    assert (given["TZ"], given["PYTHONHASHSEED"], given["PYSPARK_PYTHON"]) == ("UTC", "0", sys.executable)
    assert given["SPARK_HOME"] == str(submit.spark_home()) and given["JAVA_HOME"] == "/usr/lib/jvm/java-17"
    assert given["SPARK_LOCAL_IP"] == "127.0.0.1" and "PYSPARK_DRIVER_PYTHON" not in given


def test_both_processes_are_told_where_their_log_files_are() -> None:
    given = submit.environment(described(log_folder=Path("/srv/logs")), {})
    assert given["SMART_TRADER_RUN_ID"] == "20261120T090000Z-abc123"
    assert given["SMART_TRADER_LOG_FILE"] == "/srv/logs/smart-trader-20261120T090000Z-abc123.jsonl"
    assert given["SMART_TRADER_JVM_LOG_FILE"] == "/srv/logs/smart-trader-20261120T090000Z-abc123.jvm.jsonl"
    assert "SMART_TRADER_LOG_FILE" not in submit.environment(described(), {})


def test_log_files_are_beside_the_warehouse_unless_told_otherwise(tmp_path: Path) -> None:
    def folder(**changes: str) -> Path | None:
        overrides = {"warehouse.root": f"{tmp_path}/lake"} | {f"logs.{name}": text for name, text in changes.items()}
        return job._log_folder(load(environ={}, overrides=list(overrides.items()), home=HOME))

    assert folder() == tmp_path / "logs"
    assert folder(folder=f"{tmp_path}/elsewhere/logs") == tmp_path / "elsewhere" / "logs"
    assert folder(folder="") is None


def test_a_run_without_a_place_for_its_log_files_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "logs").write_text("in the way")
    settings = load(environ={}, overrides=[("warehouse.root", f"{tmp_path}/lake")], home=HOME)
    assert job._log_folder(settings) is None
    assert f"no log files are kept of this run: {tmp_path}/logs" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("stored", "partitions"), [(0, 1), (64 * MB - 1, 1), (64 * MB, 2), (10**12, 4 * CORES), (None, 4 * CORES)]
)
def test_an_unwritten_number_of_partitions_follows_the_data_and_the_cores(stored: int | None, partitions: int) -> None:
    line = submit.command_line(described(settings=load(environ={}, home=HOME), stored_bytes=stored))
    assert f"spark.sql.shuffle.partitions={partitions}" in line


def test_the_demonstration_is_locked_where_it_works() -> None:
    folders = {"warehouse.root": demo.ROOT, "logs.folder": demo.LOGS, "series.landing": demo.LANDING}
    assert dict(job._DEMO) == folders


@pytest.mark.parametrize("code", [0, 64, 65, 69, 70, 74, 75, 77, 78])
def test_the_status_of_a_job_is_handed_on(code: int) -> None:
    assert submit.Submission(described(), ())._judge(code) == code


@pytest.mark.parametrize(("code", "status"), [(-9, 75), (143, 75), (56, 75), (1, 70)])
def test_any_other_status_is_explained(code: int, status: int) -> None:
    with pytest.raises(SmartTraderError, match="what was committed stays") as ended:
        submit.Submission(described(), ())._judge(code)
    assert ended.value.exit_status == status


def test_a_quote_in_the_name_of_a_folder_is_none_to_java() -> None:
    line = submit.command_line(described(folder=Path('/tmp/a "b" c')))
    assert '"-Djava.io.tmpdir=/tmp/a \\"b\\" c"' in line[line.index("--driver-java-options") + 1]


def test_a_small_lake_is_not_worth_compiling_for() -> None:
    small = submit.command_line(described(stored_bytes=256 * MB - 1))
    assert "-XX:TieredStopAtLevel=1" in small[small.index("--driver-java-options") + 1]
    assert {f"{name}={value}" for name, value in tuning.PLAN_LITTLE.items()} <= set(small)
    for stored in (256 * MB, None):
        assert not described(stored_bytes=stored).is_small


def test_a_warehouse_is_as_large_as_the_newest_versions_of_its_tables(tmp_path: Path) -> None:
    root = tmp_path / "it's 1/2 of a #lake?"
    overrides = [("warehouse.root", str(root))]
    settings = load(environ={}, overrides=overrides, home=HOME)
    assert job.stored_bytes(settings) == 0
    for name in ("silver/trades", "foundation/signals"):
        write_deltalake(root / name, pa.table({"x": ["before"] * 1000}))
        write_deltalake(root / name, pa.table({"x": ["now"]}), mode="overwrite")
    write_deltalake(root / "silver" / "of another program", pa.table({"x": [1]}))
    newest = [DeltaTable(root / name).file_uris() for name in ("silver/trades", "foundation/signals")]
    expected = sum(Path(unquote(urlsplit(file).path)).stat().st_size for files in newest for file in files)
    assert 0 < expected == job.stored_bytes(settings)
    (root / "silver" / "trades" / "_delta_log" / f"{2:020}.json").write_text(f"{{{'[' * 100_000}")
    assert job.stored_bytes(settings) is None


def test_a_store_that_is_down_does_not_say_how_large_the_warehouse_is() -> None:
    overrides = [("warehouse.root", "s3a://lake/x"), ("warehouse.s3_endpoint", "http://127.0.0.1:1")]
    began = time.monotonic()
    assert job.stored_bytes(load(environ={}, overrides=overrides, home=HOME)) is None
    assert time.monotonic() - began < 10


def test_without_its_locale_only_plain_names_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, named = (load(environ={}, overrides=[("warehouse.root", f"{tmp_path}/{name}")]) for name in ("l", "jürgen"))
    job._check_machine(HOME, named)
    monkeypatch.setattr(java, "LOCALE", "xx_XX.UTF-8")
    job._check_machine(HOME, plain)
    with pytest.raises(ConfigurationError, match=f"cannot name {tmp_path}/jürgen here"):
        job._check_machine(HOME, named)


@pytest.mark.parametrize("char", [",", ":", "#", "?", "*", "[", "]", "{", "}", "\\"])
def test_a_temporary_folder_that_spark_would_take_apart_is_refused(tmp_path: Path, char: str) -> None:
    settings = load(environ={}, overrides=[("warehouse.scratch", f"{tmp_path}/a{char}b")], home=HOME)
    with pytest.raises(ConfigurationError, match="nothing was started") as refused:
        job._check_machine(HOME, settings)
    assert char in str(refused.value)
    with pytest.raises(ConfigurationError, match="move it"):
        setup.ensure(tmp_path / f"a{char}b", ("delta",))


@pytest.mark.parametrize(
    ("limit", "setting", "said"),
    [
        ("ulimit -v 3000000", "spark.driver_memory=2g", "Could not allocate compressed class space"),
        ("ulimit -n 100", "spark.driver_memory=2g", "a process may open 100 files"),
        ("true", "spark.driver_memory=90000g", "MB of memory, and spark.driver_memory is 90000g"),
        ("rmdir ../gone", "spark.driver_memory=1g", "is gone"),
    ],
)
def test_a_machine_that_is_too_small_is_no_bug(tmp_path: Path, limit: str, setting: str, said: str) -> None:
    (tmp_path / "gone").mkdir()
    (tmp_path / "here").mkdir()
    folder = "gone" if "gone" in limit else "here"
    command = f'cd {folder}; {limit}; exec {HOME}/bin/submit.sh init --set {setting} "$@"'
    places = ("--set", f"warehouse.root={tmp_path}/lake", "--set", f"warehouse.scratch={tmp_path}/scratch")
    done = subprocess.run(
        ["bash", "-c", command, "bash", *places],
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 78, done.stderr
    assert said in done.stderr
    assert not list(tmp_path.glob("lake/*/*"))
