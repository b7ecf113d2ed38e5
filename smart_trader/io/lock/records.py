"""The records of a lease as files of a store: one piece of code for s3a:// and hdfs://, through Hadoop."""

import re
from typing import Any

from pyspark.sql import SparkSession

from smart_trader.errors import SourceUnavailable
from smart_trader.io.hadoop import file_system
from smart_trader.io.jvm import JAVA_ERRORS, java_class, java_text
from smart_trader.io.lock.lease import Created
from smart_trader.io.store_faults import fault_in

FOLDER = "_lease"
"""The folder of the records under the root of a warehouse."""
_RECORD = re.compile(r"([0-9]{20})\.json")
# S3A then sends If-None-Match: *, which the server decides on. Its other ways to create a file look first, and then
# write: most of eight writers at once would win. HDFS needs no option.
_CONDITIONAL = "fs.option.create.conditional.overwrite"
_REFUSALS = ("RemoteFileChangedException", "FileAlreadyExistsException")
_MISSING = "java.io.FileNotFoundException"


class HadoopRecords:
    """The records below `root`, an address of a store. Raises SmartTraderError as `fault_in` has it."""

    def __init__(self, spark: SparkSession, root: str) -> None:
        self._spark = spark
        self._folder = f"{root}/{FOLDER}"
        try:
            _, self._files = file_system(spark, self._folder)
        except JAVA_ERRORS as error:
            raise _error(error) from error

    def create(self, number: int, content: bytes) -> Created:
        try:
            file = self._files.createFile(self._path(number)).overwrite(False).recursive()
            stream = file.opt(_CONDITIONAL, "true").build()
            stream.write(bytearray(content))
            stream.close()  # on S3 this is the request
        except JAVA_ERRORS as error:
            text = java_text(error)
            if any(name in text for name in _REFUSALS):
                return Created.REFUSED
            fault = fault_in(text)
            if fault is None or isinstance(fault, SourceUnavailable):
                return Created.UNKNOWN
            raise fault from error
        return Created.YES

    def read(self, number: int) -> bytes | None:
        try:
            stream = self._files.open(self._path(number))
            try:
                return bytes(java_class(self._spark, "org.apache.commons.io.IOUtils").toByteArray(stream))
            finally:
                stream.close()
        except JAVA_ERRORS as error:
            _check_missing(error)
            return None

    def numbers(self) -> set[int]:
        try:
            found = self._files.listStatus(self._path())
            names = [status.getPath().getName() for status in found]
        except JAVA_ERRORS as error:
            _check_missing(error)
            return set()
        return {int(match[1]) for match in map(_RECORD.fullmatch, names) if match}

    def delete(self, number: int) -> None:
        try:
            self._files.delete(self._path(number), False)
        except JAVA_ERRORS as error:
            raise _error(error) from error

    def _path(self, number: int | None = None) -> Any:
        name = "" if number is None else f"/{number:020}.json"
        return java_class(self._spark, "org.apache.hadoop.fs.Path")(f"{self._folder}{name}")


def _check_missing(error: Exception) -> None:
    """Raises the fault of the store behind `error`, unless that says that there is no such file."""
    text = java_text(error)
    if fault_in(text) is not None or _MISSING not in text:
        raise _error(error) from error


def _error(error: Exception) -> Exception:
    text = java_text(error)
    line = next((line for line in text.splitlines() if "Exception" in line), text[:200])
    return fault_in(text) or SourceUnavailable(f"The store could not be used: {line.strip()}")
