"""Who of a ranking is followed up, and for how long."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from smart_trader.domain.gold import rank_history
from smart_trader.domain.gold.follow_up import followed_up, graded_wallets
from smart_trader.domain.kernel.following import FollowUp
from tests.frames import frame

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
LONGEST = timedelta(days=118)
OLDEST, TOO_OLD = NOW - LONGEST, NOW - LONGEST - timedelta(microseconds=1)
MOMENT = timedelta(microseconds=1)
OTHERS = sorted((f"other{nth}" for nth in range(6)), key=lambda wallet: sha256(wallet.encode()).hexdigest())
"""In the order of the panel."""


def ranked(wallet: str, at: datetime, *, recommended: bool = False, skill_rank: int | None = None) -> dict[str, Any]:
    return {
        "wallet_address": wallet,
        "ranked_at": at,
        "ranking_date": at.date(),
        "recommended": recommended,
        "skill_rank": skill_rank,
    }


@pytest.fixture(scope="module")
def history(spark: SparkSession) -> DataFrame:
    rows = [
        ranked("recommended", OLDEST, recommended=True, skill_rank=9),
        ranked("skilled", OLDEST, skill_rank=1),
        *(ranked(wallet, OLDEST, skill_rank=2 + nth) for nth, wallet in enumerate(reversed(OTHERS))),
        ranked("no skill rank", NOW),
        ranked("second by skill", NOW, skill_rank=1),
        ranked("too old", TOO_OLD, recommended=True),
        ranked("of the future", NOW + MOMENT, recommended=True),
    ]
    return frame(spark, rank_history.TABLE, *rows).persist()


def followed(history: DataFrame, follow_up: FollowUp, panel: int) -> set[str]:
    found = followed_up(history, as_of=NOW, longest=LONGEST, follow_up=follow_up, panel=panel)
    return {row.wallet_address for row in found.collect()}


def test_the_recommended_the_skilled_and_a_panel_are_followed_up_until_the_longest_window_is_final(
    history: DataFrame,
) -> None:
    chosen, of_the_newest = {"recommended", "skilled"}, {"no skill rank", "second by skill"}
    assert followed(history, FollowUp.RANKED, 2) == {*chosen, *OTHERS[:2], *of_the_newest}
    assert followed(history, FollowUp.RANKED, 2_000) == {*chosen, *OTHERS, *of_the_newest}
    assert followed(history, FollowUp.RANKED, 0) == followed(history, FollowUp.RECOMMENDED, 2) == chosen
    assert followed(history, FollowUp.NONE, 2_000) == set()


def test_the_same_are_graded_whoever_is_fetched(history: DataFrame) -> None:
    rows = graded_wallets(history.where(F.col("ranked_at") == F.lit(OLDEST)), panel=1).collect()
    assert {row.wallet_address for row in rows} == {"recommended", "skilled", OTHERS[0]}
