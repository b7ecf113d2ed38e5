"""The shipped lists of pools and exchanges: whole, checkable, and never in the way of what is traded."""

import json
import re
from importlib.resources import files
from typing import Any

from smart_trader.domain.kernel.money import MONEY
from smart_trader.domain.kernel.wallets import WalletClass
from smart_trader.domain.silver.labels import shipped_labels, user_labels
from smart_trader.simulator.addresses import EXCHANGES, INCINERATOR, RAYDIUM_AUTHORITY, is_address

LISTS: dict[str, list[dict[str, Any]]] = json.loads(
    files("smart_trader.domain.silver").joinpath("labels.json").read_text(encoding="utf-8")
)
ENTRIES = [entry for listed in LISTS.values() for entry in listed]


def test_there_are_two_lists_each_sorted_by_address() -> None:
    assert list(LISTS) == [WalletClass.POOL, WalletClass.EXCHANGE]
    for listed in LISTS.values():
        addresses = [entry["address"] for entry in listed]
        assert addresses == sorted(addresses)


def test_an_entry_is_an_address_with_a_name_and_its_sources() -> None:
    for entry in ENTRIES:
        assert list(entry) == ["address", "name", "source"], entry
        assert is_address(entry["address"]), entry
        assert re.fullmatch(r"\S(.*\S)?", entry["name"]), entry
        for source in entry["source"].split("; "):
            assert re.fullmatch(r"[\w.-]+/[\w.-]+, \S+", source), f"a source is `owner/repository, path`: {entry}"


def test_no_address_is_listed_twice_and_no_money_mint_at_all() -> None:
    addresses = [entry["address"] for entry in ENTRIES]
    assert len(addresses) == len(set(addresses))
    assert not set(addresses) & set(MONEY)


def test_the_class_and_the_reason_come_from_the_list() -> None:
    labels = shipped_labels()
    assert len(labels) == len(ENTRIES)
    assert labels[RAYDIUM_AUTHORITY] == (WalletClass.POOL, "listed: Raydium AMM v4 authority")
    assert labels["9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM"] == (WalletClass.EXCHANGE, "listed: Binance")


def test_the_real_addresses_of_the_simulated_market_are_listed() -> None:
    expected = dict.fromkeys(EXCHANGES, WalletClass.EXCHANGE) | {
        INCINERATOR: WalletClass.POOL,
        RAYDIUM_AUTHORITY: WalletClass.POOL,
    }
    listed = {address: label[0] for address, label in shipped_labels().items() if address in expected}
    assert listed == expected


def test_an_exchange_in_the_users_own_files_wins_over_a_pool_there() -> None:
    assert user_labels(["A", "B"], ["B"]) == {
        "A": (WalletClass.POOL, "in a list of pools in the settings"),
        "B": (WalletClass.EXCHANGE, "in a list of exchanges in the settings"),
    }
