"""What is to be done again, by business time. A time that lies after it counts as never."""

from datetime import datetime, timedelta

from pyspark.sql import Column
from pyspark.sql import functions as F

from smart_trader.domain.tables.state_flags import ProcessingStatus


def known_time(name: str, *, as_of: datetime) -> Column:
    """The time in the column `name`; null where it lies after `as_of`: a typing error or a wrong clock wrote it, or a
    run at a later business time, of which this one knows nothing."""
    return F.when(F.col(name) <= F.lit(as_of), F.col(name))


def is_due(status: str, done_at: str, *, as_of: datetime, after: timedelta) -> Column:
    """Pending, never done, or done at least `after` before `as_of`."""
    known = known_time(done_at, as_of=as_of)
    return (F.col(status) == ProcessingStatus.PENDING) | known.isNull() | (known <= F.lit(as_of - after))
