"""Classes of the driver's JVM, looked up once.

`jvm.org.apache.hadoop.fs.Path` looks up `org` and then each part of the name. Each look-up searches all jars, and only
the last part is a class. The full name finds a class at once.
"""

from typing import Any

from py4j.java_gateway import JavaMember
from pyspark.sql import SparkSession

_ASKED_BY_PYSPARK = (
    *("functions", "org.apache.spark.sql.functions", "org.apache.spark.sql.classic.SparkSession"),
    *("PythonUtils", "org.apache.spark.api.python.PythonUtils"),
)
"""Names that PySpark looks up for each column or list of columns."""


class _KeptClass:
    """A class of the JVM whose methods are looked up once, not before each call."""

    def __init__(self, found: Any) -> None:
        self._found = found

    def __call__(self, *args: Any) -> Any:
        return self._found(*args)

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._found, name)
        if isinstance(member, JavaMember):
            setattr(self, name, member)
        return member


def java_class(spark: SparkSession, name: str) -> Any:
    """The class with that full name, to call its constructor or its static methods."""
    jvm = spark._jvm
    if name not in vars(jvm):
        setattr(jvm, name, _KeptClass(getattr(jvm, name)))
    return getattr(jvm, name)


def keep_classes(spark: SparkSession) -> None:
    """Look up once, instead of at each use, the classes that PySpark itself uses most."""
    for name in _ASKED_BY_PYSPARK:
        java_class(spark, name)
