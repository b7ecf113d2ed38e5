"""What the answers of a store count as. The texts are those of hadoop-aws 3.4.2 on a real server."""

import pytest

from smart_trader.errors import AccessDenied, ConfigurationError, SmartTraderError, SourceUnavailable, StorageError
from smart_trader.io.store_faults import fault_in

TRACE = "\tat org.apache.hadoop.fs.s3a.S3AUtils.translateException(S3AUtils.java:278)"
S3 = "software.amazon.awssdk.services.s3.model.S3Exception"
DENIED = f"java.nio.file.AccessDeniedException: s3a://lake/x: getFileStatus on s3a://lake/x: {S3}"


@pytest.mark.parametrize(
    ("text", "kind", "told"),
    [
        (
            ": org.apache.hadoop.fs.s3a.UnknownStoreException: `s3a://lake/x': listObjects() on s3a://lake/x: "
            "NoSuchBucketException: The specified bucket does not exist. (Service: S3, Status Code: 404)",
            ConfigurationError,
            "no such bucket: org.apache.hadoop.fs.s3a.UnknownStoreException: `s3a://lake/x'",
        ),
        (f": {DENIED}: Forbidden (Service: S3, Status Code: 403, Request ID: B7)", AccessDenied, "refused the key"),
        (f"x\nCaused by: {S3}: no (Service: S3, Status Code: 401, Request ID: B7)", AccessDenied, "refused the key"),
        (f"{DENIED}: full:QuotaExceeded (Service: S3, Status Code: 403, Request ID: B7)", StorageError, "is full"),
        ("org.apache.hadoop.fs.s3a.AWSStatus500Exception: PUT (Service: S3, Status Code: 507)", StorageError, "full"),
        ("org.apache.hadoop.fs.s3a.AWSStatus500Exception: PUT (Service: S3, Status Code: 500)", SourceUnavailable, ""),
        ("org.apache.hadoop.fs.s3a.AWSUnsupportedFeatureException: (Status Code: 501)", ConfigurationError, "absent"),
        (
            ": java.net.ConnectException: listObjects() on s3a://lake/x: software.amazon.awssdk.core.exception."
            "SdkClientException: Unable to execute HTTP request: Connection refused",
            SourceUnavailable,
            "did not answer",
        ),
        (
            "org.apache.hadoop.fs.s3a.AWSApiCallTimeoutException: listObjects(): Client execution did not complete",
            SourceUnavailable,
            "did not answer",
        ),
    ],
)
def test_a_fault_of_a_store_is_told_by_its_text(text: str, kind: type[SmartTraderError], told: str) -> None:
    fault = fault_in(f"An error occurred while calling o1.load.\n{text}\n{TRACE}")
    assert type(fault) is kind
    assert told in str(fault)
    assert "Request ID" not in str(fault)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "java.io.FileNotFoundException: No such file or directory: s3a://lake/x",
        "java.nio.file.AccessDeniedException: /srv/lake/x",
        "java.net.ConnectException: Connection refused",
        f"java.lang.IllegalStateException: x\n{TRACE}\n\tat software.amazon.awssdk.core.exception.Sdk.x(S.java:1)",
    ],
)
def test_other_errors_are_none(text: str) -> None:
    assert fault_in(text) is None
