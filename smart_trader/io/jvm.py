"""Classes of the driver's JVM.

`jvm.org.apache.hadoop.fs.Path` looks up `org` and then each part of the name. Each look-up searches all jars, and only
the last part is a class. The full name finds a class at once.
"""

from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from smart_trader import tuning

JAVA_ERRORS = (Py4JJavaError, PySparkException)
"""The errors of a call to the JVM; PySpark translates some of them."""


def java_class(spark: SparkSession, name: str) -> Any:
    """The class with that full name, to call its constructor or its static methods."""
    jvm = spark._jvm
    if name in vars(jvm) or tuning.is_on(spark):
        return tuning.keep_class(jvm, name)
    return getattr(jvm, name)


def java_text(error: BaseException) -> str:
    """The message of an error, and the trace of the JVM with its causes, which PySpark keeps apart from the message."""
    return f"{error}\n{getattr(error, '_stackTrace', '')}"
