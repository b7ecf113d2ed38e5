"""Folders and files of any file system that Hadoop knows: of this machine, of an S3 store, of HDFS."""

from typing import Any

from pyspark.sql import SparkSession

from smart_trader.io.jvm import java_class


def file_system(spark: SparkSession, place: str) -> tuple[Any, Any]:
    """Hadoop's path of `place`, a folder or an address, and its file system, with the confs of the session."""
    path = java_class(spark, "org.apache.hadoop.fs.Path")(place)
    return path, path.getFileSystem(spark._jsparkSession.sessionState().newHadoopConf())


def names_in(spark: SparkSession, folder: str) -> list[str]:
    """Names of the files and folders in `folder`; none if it is not there."""
    path, files = file_system(spark, f"{folder}/")
    return [str(found.getPath().getName()) for found in files.listStatus(path)] if files.exists(path) else []


def bytes_below(spark: SparkSession, folder: str) -> int:
    """Bytes of all files below `folder`; 0 if it is not there."""
    path, files = file_system(spark, f"{folder}/")
    return int(files.getContentSummary(path).getLength()) if files.exists(path) else 0


def is_bare(spark: SparkSession, folder: str) -> bool:
    """Whether `folder` is there, and nothing is below it but folders and hidden files."""
    path, files = file_system(spark, f"{folder}/")
    if not files.exists(path):
        return False
    found = files.listFiles(path, True)
    while found.hasNext():
        if not str(found.next().getPath().getName()).startswith("."):
            return False
    return True


def delete_folder(spark: SparkSession, folder: str) -> Any:
    """Delete a folder, if it is there; returns its Hadoop path."""
    path, files = file_system(spark, folder)
    files.delete(path, True)
    return path
