"""How Spark reaches an S3-compatible store: the settings in the words of S3A. No key is among them."""

from pathlib import Path

from smart_trader.config.model import LEAST_REQUEST_SECONDS, Settings
from smart_trader.paths import is_s3

# S3A's own, and the file of shared credentials before the role of the machine. Spark copies keys in the environment
# to where Temporary and Simple look, also for executors.
_CREDENTIALS = (
    "org.apache.hadoop.fs.s3a.TemporaryAWSCredentialsProvider",
    "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider",
    "software.amazon.awssdk.auth.credentials.EnvironmentVariableCredentialsProvider",
    "software.amazon.awssdk.auth.credentials.ProfileCredentialsProvider",
    "org.apache.hadoop.fs.s3a.auth.IAMInstanceCredentialsProvider",
)
_PART = "8M"
"""Small enough for a slow line to send in the time of one request."""


def is_needed(settings: Settings) -> bool:
    """Whether tables, clones or landed files lie in an S3 store."""
    places = (settings.warehouse.root, settings.warehouse.scratch, settings.series.landing)
    return any(is_s3(place) for place in places if place)


def spark_confs(settings: Settings, *, buffers: Path | None = None) -> dict[str, str]:
    """The confs of Spark for the store. `buffers` is the folder for what is being sent, by default S3A's own.

    S3A's attempts and retries multiply, so only the SDK tries again, within the time of one request.
    """
    warehouse, store = settings.warehouse, settings.store
    timeout = f"{1000 * max(store.timeout_seconds, LEAST_REQUEST_SECONDS):.0f}ms"
    confs = {
        "endpoint.region": warehouse.s3_region,
        "path.style.access": str(warehouse.s3_path_style).lower(),
        "aws.credentials.provider": ",".join(_CREDENTIALS),
        "attempts.maximum": str(store.attempts),
        "retry.limit": "0",
        "retry.throttle.limit": "0",
        "connection.establish.timeout": timeout,
        "connection.timeout": timeout,
        "connection.request.timeout": f"{1000 * store.longest_request_seconds:.0f}ms",
        "multipart.size": _PART,
        "multipart.threshold": _PART,
        "input.stream.type": "classic",
    }
    if warehouse.s3_endpoint:
        confs["endpoint"] = warehouse.s3_endpoint
    if buffers:
        confs["buffer.dir"] = str(buffers)
    return {f"spark.hadoop.fs.s3a.{name}": value for name, value in confs.items()}


def reader_options(settings: Settings) -> dict[str, str]:
    """The same in the words of the library that reads the logs of tables before Spark starts. It finds keys by itself,
    where S3A does."""
    warehouse, store = settings.warehouse, settings.store
    if not is_s3(warehouse.root):
        return {}
    options = {
        "AWS_REGION": warehouse.s3_region,
        "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": str(not warehouse.s3_path_style).lower(),
        "max_retries": str(store.attempts - 1),
        "timeout": f"{store.timeout_seconds:g}s",
    }
    if warehouse.s3_endpoint:
        options |= {"AWS_ENDPOINT_URL": warehouse.s3_endpoint, "AWS_ALLOW_HTTP": "true"}
    return options
