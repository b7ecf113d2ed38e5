"""Classes of the driver's JVM.

`jvm.org.apache.hadoop.fs.Path` looks up `org` and then each part of the name. Each look-up searches all jars, and only
the last part is a class. The full name finds a class at once.
"""

from typing import Any

from pyspark.sql import SparkSession

from smart_trader import tuning


def java_class(spark: SparkSession, name: str) -> Any:
    """The class with that full name, to call its constructor or its static methods."""
    jvm = spark._jvm
    if name in vars(jvm) or tuning.is_on(spark):
        return tuning.keep_class(jvm, name)
    return getattr(jvm, name)
