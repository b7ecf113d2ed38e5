"""What a store answered, by the texts of Hadoop and of Amazon's SDK: the error that it counts as."""

from smart_trader.errors import AccessDenied, ConfigurationError, SmartTraderError, SourceUnavailable, StorageError

_FAULTS: tuple[tuple[tuple[str, ...], type[SmartTraderError], str], ...] = (
    (
        ("fs.s3a.UnknownStoreException",),
        ConfigurationError,
        "The store has no such bucket: {}. Make it, or correct warehouse.root.",
    ),
    (
        ("QuotaExceeded", "Status Code: 507"),
        StorageError,
        "The store is full: {}. What was committed stays; make room there, then run again.",
    ),
    (
        ("fs.s3a.AWSUnsupportedFeatureException",),
        ConfigurationError,
        "The store cannot create an object only if it is absent (If-None-Match: *), so nothing there would keep two"
        " runs apart: {}. Use a store that can.",
    ),
    (
        (
            "Status Code: 401",
            "Status Code: 403",
            "ExpiredToken",
            "fs.s3a.auth.NoAwsCredentialsException",
            "fs.s3a.auth.NoAuthWithAWSException",
            "hadoop.security.AccessControlException",
        ),
        AccessDenied,
        "The store refused the key: {}. What was committed stays; check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY,"
        " and what they may do with the bucket.",
    ),
    (
        (
            "fs.s3a.AWS",
            "awssdk.core.exception.",
            "hadoop.net.ConnectTimeoutException",
            "java.net.ConnectException: Call From",
            "hdfs.server.namenode.SafeModeException",
        ),
        SourceUnavailable,
        "The store did not answer: {}. What was committed stays; run again later.",
    ),
)
"""For each kind of fault, the more special ones first: texts in the messages, the error, the message to the user."""
_LONGEST = 300


def fault_in(text: str) -> SmartTraderError | None:
    """The error for the fault of a store that `text` tells of: messages, or traces of the JVM. None if of none."""
    lines = [line.strip() for line in text.splitlines()]
    messages = [line for line in lines if not line.startswith("at ")]
    for texts, kind, meaning in _FAULTS:
        for line in messages:
            if any(known in line for known in texts):
                shown = line.removeprefix("Caused by: ").lstrip(": ").partition(" (Service:")[0]
                return kind(meaning.format(shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}..."))
    return None
