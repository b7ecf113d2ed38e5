"""Files of addresses, one a line, as named by --wallets, --tokens and the lists of the settings."""

from pathlib import Path

from smart_trader.domain.kernel.base58 import is_address
from smart_trader.errors import SmartTraderError, UsageError


def read_addresses(path: Path, error: type[SmartTraderError] = UsageError) -> list[str]:
    """The addresses in `path`, each once, in order; blank lines and text after a # are skipped.

    Raises `error` if the file cannot be read or a line is no address.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as reason:
        raise error(f"{path} cannot be read ({reason}); nothing was done.") from reason
    addresses: dict[str, None] = {}
    for number, line in enumerate(lines, start=1):
        text = line.partition("#")[0].strip()
        if text and not is_address(text):
            raise error(f"{path}, line {number}: {text[:60]!r} is no Solana address; nothing was done.")
        if text:
            addresses[text] = None
    return list(addresses)
