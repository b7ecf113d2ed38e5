"""All that is done for speed alone to the insides of Java, Spark, PySpark, py4j and Delta.

Each item says what it does and why, then

gain   what it saves, as measured on 2 cores: start-up.md and pnl-engine.md in docs/decisions have the tables;
since  the versions that have it. All of it is in use with Java 17, Spark 4.1 and Delta 4.4;
off    what to do to go without this item alone.

`spark.tuning=false` is off for all of them: a run without them has the same rows, and is the thing to try first with
another version of Spark or Delta. A first run of a small lake then takes 487 s of processor in place of 76.
The launcher leaves out the options, and tells the driver by `SWITCH`.

Not here: documented ways to do less work (numbers of partitions, `persist`, columns in a struct), and what Delta's log
in the JVM is asked for since nothing else can do it in one commit (io/delta/declared.py).
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipimport import zipimporter

if TYPE_CHECKING:  # the launcher does not wait for PySpark
    from pyspark.sql import DataFrame, SparkSession

SWITCH = "spark.smartTrader.tuning"
"""The conf of a Spark session that says `false` where `spark.tuning` does."""


def is_on(spark: "SparkSession") -> bool:
    """Whether the items below are in use in this session."""
    return spark.conf.get(SWITCH, "true") != "false"


# ---- Java: options of the launcher and of the driver's JVM --------------------------------------------------------

LAUNCHER_JVM = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""The JVM that only builds the command line of the other one (`SPARK_LAUNCHER_OPTS`) compiles and collects little.

gain   not measured by itself
since  Java 8; Spark 4.1, which does not document the variable
off    leave `SPARK_LAUNCHER_OPTS` out of the environment in launch/submit.py
"""


def class_archive(file: Path) -> list[str]:
    """Classes come from the archive that set-up wrote, if it is there, in place of being read from jars and checked.

    gain   `init` of an empty warehouse took 13.9 s of processor in place of 20.1 s (start-up.md, 2026-11-30)
    since  Java 13, where an archive can be written at the end of a run
    off    delete build/*.jsa after set-up
    """
    return [f"-XX:SharedArchiveFile={file}"] if file.is_file() else []


COLLECTOR = ("-XX:+UseParallelGC",)
"""Garbage is collected with the world stopped: a batch job has no pauses to avoid.

gain   with G1, Java's default, the engine took 9.3 to 12.6 s (pnl-engine.md)
since  Java 8
off    empty the tuple
"""

METASPACE = ("-XX:MetaspaceSize=256m",)
"""Room for what Spark's classes fill: each step of growing to it collects all garbage.

gain   not measured by itself
since  Java 8
off    empty the tuple
"""

# The quick compiler alone gets 48 MB for its code, which a pipeline fills: then code is swept away and compiled again.
COMPILE_LITTLE = ("-XX:TieredStopAtLevel=1", "-XX:ReservedCodeCacheSize=256m")
"""A small run compiles with the quick compiler only: its hundred plans see a few thousand rows each.

gain   105 s of processor became 97, of an idle run 39 became 27 (start-up.md, 2026-11-20). With the usual room for code
       a tenth of the processor time went into compiling it again
since  Java 8
off    empty the tuple
"""

COMPILE_LATE = (
    "-XX:Tier4InvocationThreshold=50000",
    "-XX:Tier4MinInvocationThreshold=6000",
    "-XX:Tier4CompileThreshold=150000",
    "-XX:Tier4BackEdgeThreshold=400000",
)
"""A large run has the optimising compiler take only what is ten times hotter than usual.

gain   only measured with other changes (start-up.md, 2026-11-20); none at 1 million trades (pnl-engine.md)
since  Java 8
off    empty the tuple
"""


def whole_heap(memory: str) -> tuple[str, ...]:
    """A large run has all of its heap, `memory`, at once, and so collects garbage half as long.

    gain   0.6 s of garbage collection became 0.3 at 1 million trades (pnl-engine.md)
    since  Java 8
    off    return nothing
    """
    return (f"-Xms{memory}",)


_HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")
"""Linux's answer: the word in brackets holds."""


def huge_pages() -> tuple[str, ...]:
    """A large run has pages of 2 MB, in which the processor finds faster what a sort looks at here and there.

    Only where the kernel gives them to a program that asks: else Java would complain on standard output.

    gain   4 % of the JVM's processor time at 1 million trades (pnl-engine.md)
    since  Java 8, on Linux
    off    return nothing
    """
    try:
        is_given = "[never]" not in _HUGE_PAGES.read_text(encoding="ascii")
    except OSError:
        is_given = False
    return ("-XX:+UseTransparentHugePages",) if is_given else ()


def large_run(memory: str) -> tuple[str, ...]:
    """The options of the JVM of a large run, whose heap is `memory`, that a small run does not have."""
    return (*COMPILE_LATE, *whole_heap(memory), *huge_pages())


def java_options(memory: str, *, is_small: bool) -> tuple[str, ...]:
    """The options of the driver's JVM on one machine, beside the class archive."""
    return (*COLLECTOR, *METASPACE, *(COMPILE_LITTLE if is_small else large_run(memory)))


# ---- Spark: confs that depend on the run --------------------------------------------------------------------------

PLAN_ONCE = {"spark.sql.adaptive.enabled": "false"}
"""On one machine Spark does not plan again after each shuffle: with few partitions that doubles the number of jobs.

gain   only measured with other changes: 144 s of processor became 105 (start-up.md, 2026-11-20)
since  Spark 3.2, where planning again became the default
off    empty the mapping
"""

PLAN_LITTLE = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.subexpressionElimination.enabled": "false",
}
"""A small run interprets its plans, which are then quicker to begin and slower to go on.

gain   single expressions: 37 s of processor of an idle run became 34, 106 of a first run 99. Whole stages and common
       subexpressions were only measured with other changes (start-up.md)
since  Spark 2.4; internal to Spark
off    empty the mapping
"""


def spark_confs(*, is_small: bool) -> dict[str, str]:
    """The confs of a run on one machine, beside those of conf/spark-defaults.conf."""
    return PLAN_ONCE | (PLAN_LITTLE if is_small else {})


# ---- Spark and Delta: lines of conf/spark-defaults.conf, where their values stand -------------------------------

ARROW_BATCHES = ("spark.sql.execution.arrow.maxRecordsPerBatch", "spark.sql.execution.arrow.maxBytesPerBatch")
"""Python gets batches that end after 50,000 rows, in place of 10,000, and by rows alone.

With a limit of bytes Spark measures every Arrow column before each row.

gain   rows: 7.8 s became 7.2; bytes: 12.1 and 11.1 s became 10.1 and 9.8 at 1 million trades (pnl-engine.md)
since  Spark 4.0; the limit of bytes is internal to Spark
off    delete the lines
"""

DECODED_BY_TASKS = ("spark.sql.execution.arrow.localRelationThreshold",)
"""Tasks decode fetched rows above 1 MB; below Spark's 48 MB the planner would compute on them row by row.

gain   a tenth of the time of storing the trades of a first run (start-up.md)
since  Spark 3.4
off    delete the line
"""

LITTLE_LOG = (
    "spark.databricks.delta.snapshotPartitions",
    "spark.databricks.delta.allFilesInCrc.enabled",
)
"""The state of a table has one partition, and a checksum lacks what nothing here reads: a Spark job for each commit.

gain   only measured with other changes: 174 s of processor became 126 (start-up.md, 2026-11-26)
since  Delta 4.4; internal to Delta
off    delete the lines
"""

CODE_KEPT = ("spark.sql.codegen.cache.maxEntries",)
"""Spark keeps the code of 2,000 plans, not of 100: a pipeline has more, and compiled the same ones again.

gain   with one partition for small shuffles, 122 s of processor became 99 to 111 (start-up.md, 2026-11-26)
since  Spark 2.4; internal to Spark
off    delete the line
"""

FOLDERS_LISTED = ("spark.sql.sources.parallelPartitionDiscovery.parallelism",)
"""Delta's VACUUM lists folders in 4 tasks, in place of 10,000.

gain   not measured by itself
since  Spark 2.1
off    delete the line
"""

NO_LINES_OF_PYTHON = ("spark.python.sql.dataFrameDebugging.enabled",)
"""No operator tells the JVM the line of Python it stands in: Spark's messages of errors lack that line.

gain   a third of all calls to the JVM; with `keep_classes`, 79.7 s of processor became 76.2 (start-up.md, 2026-11-29)
since  Spark 4.0; internal to Spark
off    delete the line
"""

PAGES_SKIPPED = ("spark.sql.parquet.pushdown.inFilterThreshold",)
"""A condition on up to 250 addresses is looked up in the ranges of each Parquet page; Spark's limit is ten.

gain   not measured by itself
since  Spark 2.4; internal to Spark
off    delete the line
"""

PLAIN_COLUMNS = (
    "spark.hadoop.parquet.size.statistics.enabled",
    "spark.hadoop.parquet.enable.dictionary#",
    "spark.hadoop.parquet.column.statistics.enabled#",
)
"""Parquet makes no dictionaries and ranges for numbers and identifiers, and counts no lengths of values.

It would throw the dictionaries away, since hardly a value comes twice, and rows are found by wallet and time. Every
reader reads files of both kinds.

gain   dictionaries: 7.56 s became 7.24; ranges and lengths: 6.48 s became 6.24 at 1 million trades (pnl-engine.md)
since  Parquet 1.16, which Spark 4.1 brings
off    delete the lines
"""

_LINES = (
    *ARROW_BATCHES,
    *DECODED_BY_TASKS,
    *LITTLE_LOG,
    *CODE_KEPT,
    *FOLDERS_LISTED,
    *NO_LINES_OF_PYTHON,
    *PAGES_SKIPPED,
    *PLAIN_COLUMNS,
)


def plain_defaults(text: str) -> str:
    """`text`, of conf/spark-defaults.conf, without the lines named above."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith(_LINES))


# ---- PySpark and py4j: the calls of the driver to its JVM ---------------------------------------------------------


class _KeptClass:
    """A class of the JVM whose methods are looked up once, not before each call."""

    def __init__(self, found: Any) -> None:
        self._found = found

    def __call__(self, *args: Any) -> Any:
        return self._found(*args)

    def __getattr__(self, name: str) -> Any:
        from py4j.java_gateway import JavaMember

        member = getattr(self._found, name)
        if isinstance(member, JavaMember):
            setattr(self, name, member)
        return member


def keep_class(jvm: Any, name: str) -> Any:
    """The class with that full name, looked up once in place of before each use.

    gain   with `NO_LINES_OF_PYTHON`, 79.7 s of processor became 76.2, and a warm `validate` of 4.6 s took 3.4
           (start-up.md, 2026-11-29). One look-up takes up to 3 ms
    since  py4j 0.10.9
    off    return `getattr(jvm, name)`
    """
    if name not in vars(jvm):
        setattr(jvm, name, _KeptClass(getattr(jvm, name)))
    return getattr(jvm, name)


_ASKED_BY_PYSPARK = (
    *("functions", "org.apache.spark.sql.functions", "org.apache.spark.sql.classic.SparkSession"),
    *("PythonUtils", "org.apache.spark.api.python.PythonUtils"),
)


def keep_classes(spark: "SparkSession") -> None:
    """PySpark finds the classes that it asks for with each column or list of columns where py4j keeps attributes.

    gain   see `keep_class`
    since  Spark 4.1, whose names these are: another version looks up others, and finds them as without this
    off    do not call it
    """
    for name in _ASKED_BY_PYSPARK:
        keep_class(spark._jvm, name)


def forget_archives() -> None:
    """Spark has each task look again at what is on Python's path, which for PySpark's own archive takes 0.15 s.

    What is forgotten here, at the end of a task, is not looked at again: the next import finds the archive's contents
    where Python keeps them.

    gain   6.2 s became 5.3 at 1 million trades (pnl-engine.md)
    since  Spark 4.1, whose worker calls `importlib.invalidate_caches`
    off    do not call it in domain/arrow.py
    """
    for place, finder in list(sys.path_importer_cache.items()):
        if isinstance(finder, zipimporter):
            del sys.path_importer_cache[place]


# ---- Spark and Delta: which rows and files there are --------------------------------------------------------------

MAX_KNOWN_FILES = 32
"""A table of up to this number of files is read from a list of them, made once for each version by Delta Kernel.

Otherwise Delta chooses the files of each scan of each query with a Spark job, which takes as long as a small query. A
query of a listed table opens all of its files, and skips the pages that it does not need; where there are none, Spark's
optimiser drops the joins as well. The frames are those of `frame_of` in io/delta/snapshots.py. Without tuning they are
those of the option `versionAsOf`.

gain   251 Spark jobs became 150, 86 s of processor 77, of an idle run 28 became 22 (start-up.md, 2026-11-27)
since  Delta 4.4; `DeltaLog.createDataFrame` and `createRelation` are internal to Delta
off    0, which leaves the choice to Delta
"""


def may_have_rows(rows: "DataFrame") -> bool:
    """False if the optimiser proves that there are none. A first row would cost a whole partition, alone.

    If there are none after all, Delta commits nothing, but leaves an empty file behind.

    gain   6.26 s became 6.08 at 1 million trades: 3 Spark jobs in place of 7 (pnl-engine.md)
    since  Spark 4.1; the optimiser's plan is internal to Spark
    off    ask for a first row
    """
    most = rows._jdf.queryExecution().optimizedPlan().maxRows()
    return not (most.isDefined() and most.get() == 0)
