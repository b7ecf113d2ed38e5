"""What a report is made from, by hand: few wallets, each with something that others have not."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from smart_trader.config.settings import load
from smart_trader.domain.evidence.track_record import Discovered, TrackRecord, track_record
from smart_trader.domain.gold import smart_traders
from smart_trader.domain.kernel.grading import Cohort
from smart_trader.domain.kernel.valuation import ValueSource
from smart_trader.domain.kernel.verdict import VerdictRules
from smart_trader.domain.silver import wallet_pnl
from smart_trader.report.data import Limits, ReportData
from smart_trader.report.thresholds import shown_rules
from tests.oracle.numbers import DAY

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 1, 20, 9, tzinfo=UTC)
BEFORE = NOW - timedelta(hours=12)
GOOD = "GoodTrader11111111111111111111111111111111"
BARE = "BareTrader22222222222222222222222222222222"
LEAVER = "LeftTrader33333333333333333333333333333333"
MINT = "MintAddress4444444444444444444444444444444"
SIGNATURE = "Signature" + "5" * 79
UNKNOWN = [
    "unrealized_pnl",
    "roi",
    "win_rate",
    "token_win_rate",
    "win_rate_lower_bound",
    "coverage_ratio",
    "avg_holding_time_hours",
    "current_position_cost_basis",
    "current_position_value",
    "best_token_share",
    "best_trade_roi",
    "trusted_roi",
    "trusted_win_rate",
    "trusted_ratio",
    "pnl_change",
    "discovered_at",
    "since_discovery_invested",
    "since_discovery_pnl",
    "since_discovery_return",
    "since_discovery_sales",
    "since_discovery_winning_sales",
    "win_rate_7d",
    "win_rate_30d",
    "win_rate_90d",
]


_GOOD = {
    "performance_tier": "STRONG",
    "smart_trader_score": Decimal("58.1234"),
    "profitability_score": Decimal("12.3456"),
    "roi_score": Decimal("100"),
    "win_rate_score": Decimal("66.6666"),
    "activity_score": Decimal("98.5"),
    "tier_rank": 1,
    "recommended": True,
    "gate_failures": [],
    "realized_pnl": Decimal("1234.567890123"),
    "unrealized_pnl": Decimal("-20.5"),
    "total_pnl": Decimal("1214.067890123"),
    "cost_of_sold": Decimal("1000"),
    "roi": Decimal("123.456789"),
    "win_rate": Decimal("66.666667"),
    "winning_sales": 8,
    "matched_sales": 12,
    "token_win_rate": Decimal("75"),
    "winning_tokens": 3,
    "losing_tokens": 1,
    "win_rate_lower_bound": Decimal("30.064126"),
    "trade_count": 20,
    "buy_count": 8,
    "sell_count": 12,
    "total_bought": Decimal("1300"),
    "total_sold": Decimal("2300"),
    "coverage_ratio": Decimal("0.971486"),
    "unmatched_proceeds": Decimal("65.432109877"),
    "avg_holding_time_hours": Decimal("30.5"),
    "trade_frequency_daily": Decimal("0.666667"),
    "current_position_cost_basis": Decimal("100"),
    "current_position_value": Decimal("79.5"),
    "unmarked_cost_basis": Decimal(0),
    "first_transaction": NOW - timedelta(days=30),
    "last_transaction": NOW - timedelta(hours=1),
    "history_complete": True,
    "arbitrage_tx_count": 1,
    "rejected_rows": 0,
    "pnl_ex_best_token": Decimal("234.567890123"),
    "best_token_share": Decimal("0.8"),
    "best_trade_roi": Decimal("412.5"),
    "trusted_pnl": Decimal("1180.25"),
    "trusted_cost_of_sold": Decimal("960"),
    "trusted_sales": 11,
    "trusted_winning_sales": 7,
    "trusted_roi": Decimal("122.942708"),
    "trusted_win_rate": Decimal("63.636364"),
    "trusted_ratio": Decimal("0.957864"),
    "pnl_change": Decimal("12.25"),
    "avg_trade_size_usd": Decimal("180"),
    "sell_ratio_percent": Decimal("60"),
    "trading_experience_days": 30,
    "tokens_traded": 4,
    "discovered_at": NOW - timedelta(days=35),
    "since_discovery_invested": Decimal("400"),
    "since_discovery_pnl": Decimal("-12.345678901"),
    "since_discovery_return": Decimal("-3.08642"),
    "since_discovery_sales": 5,
    "since_discovery_winning_sales": 2,
    "ranked_at": NOW,
    "wallet_pnl_version": 7,
}


def trader(wallet: str = GOOD, rank: int = 1, **figures: Any) -> dict[str, Any]:
    """A row of gold.smart_traders: a good trader whose figures are changed as a test needs."""
    windows: dict[str, Any] = {}
    for days in smart_traders.WINDOW_DAYS:
        windows |= {
            f"realized_pnl_{days}d": Decimal("150.500000000"),
            f"cost_of_sold_{days}d": Decimal("301"),
            f"win_rate_{days}d": Decimal("66.666666"),
            f"matched_sales_{days}d": 3,
            f"trade_count_{days}d": 5,
        }
    row: dict[str, Any] = dict.fromkeys(smart_traders.TABLE.column_names)
    return row | _GOOD | {"wallet_address": wallet, "overall_rank": rank} | windows | figures


def bare(**figures: Any) -> dict[str, Any]:
    """A wallet of which hardly anything is known."""
    nothing: dict[str, Any] = dict.fromkeys(UNKNOWN)
    return trader(
        BARE,
        2,
        performance_tier="QUALIFIED",
        recommended=False,
        gate_failures=[
            *("roi_below", "win_rate_below", "token_win_rate_below", "coverage_below", "value_untrusted"),
            *("history_incomplete", "class_bot"),
        ],
        realized_pnl=Decimal("0.004"),
        trusted_pnl=Decimal("0.004"),
        trusted_sales=0,
        trusted_winning_sales=0,
        unmarked_cost_basis=Decimal("12000.5"),
        matched_sales=0,
        winning_sales=0,
        winning_tokens=0,
        losing_tokens=0,
        history_complete=False,
        trade_count_30d=0,
        **nothing,
        **figures,
    )


def token(symbol: str | None = "WIF", wallet: str = GOOD, mint: str = MINT, place: int = 1) -> dict[str, Any]:
    """A row of what a wallet made in one token."""
    counts = dict.fromkeys((f"from_{source}" for source in ValueSource), 0) | {"from_sol": 15, "from_none": 1}
    portfolio = trader(wallet)
    figures = {column.name: portfolio[column.name] for column in wallet_pnl.FIGURES}
    return {
        **figures,
        **counts,
        **{f"all_{name}": number for name, number in counts.items()},
        "wallet_address": wallet,
        "token_address": mint,
        "token_symbol": symbol,
        "decimals": 6,
        "multiplier": None,
        "is_best": place == 1,
        "place": place,
        "of_wallet": 9,
        "mark_price": Decimal("0.000012345678"),
        "mark_reason": None,
    }


def sale(symbol: str | None = "WIF", nth: int = 1, wallet: str = GOOD, **figures: Any) -> dict[str, Any]:
    """A sale of which two thirds have a known purchase."""
    return {
        "trade_id": f"{nth:064}",
        "wallet_address": wallet,
        "token_address": MINT,
        "block_time": NOW - timedelta(days=nth),
        "block_number": 1000 - nth,
        "quantity_raw": Decimal(3_000_000),
        "matched_raw": Decimal(2_000_000),
        "proceeds_usd": Decimal("300"),
        "cost_usd": Decimal("150"),
        "realized_pnl_usd": Decimal("50"),
        "holding_hours": Decimal("1.5"),
        "newest_place": nth,
        "gain_place": nth,
        "loss_place": None,
        "of_wallet": 12,
        "token_symbol": symbol,
        "decimals": 6,
        "multiplier": None,
        "tx_hash": SIGNATURE,
        "value_source": "sol",
        "price_check": "suspect",
        "took_untrusted": True,
    } | figures


def lot(symbol: str | None = "WIF", **figures: Any) -> dict[str, Any]:
    """An open lot whose token nobody says how to divide."""
    return {
        "trade_id": "e" * 64,
        "wallet_address": GOOD,
        "token_address": MINT,
        "acquired_at": NOW - timedelta(days=2),
        "bought_raw": Decimal(10**30),
        "remaining_raw": Decimal(5),
        "remaining_cost_usd": None,
        "place": 1,
        "of_wallet": 1,
        "token_symbol": symbol,
        "decimals": None,
        "multiplier": None,
        "tx_hash": None,
        "value_source": "none",
        "price_check": "rejected",
    } | figures


def movement(wallet: str, kind: str, now: int | None, was: int | None, gate: str | None = None) -> dict[str, Any]:
    return {
        "wallet_address": wallet,
        "kind": kind,
        "gate": gate,
        "of_kind": 1,
        "of_gate": 1,
        "overall_rank": now,
        "was_overall_rank": was,
        "performance_tier": now and "STRONG",
        "was_performance_tier": was and "PROMISING",
        "realized_pnl": now and Decimal("1234.567890123"),
        "was_realized_pnl": was and Decimal("-5"),
    }


def step(nth: int, gained: str, wallet: str = GOOD) -> dict[str, Any]:
    """What the sales of one day earned."""
    return {
        "wallet_address": wallet,
        "first_day": 20_450,
        "days": 1,
        "step": nth,
        "gained": Decimal(gained),
        "sales": 1,
    }


def report_data(**parts: Any) -> ReportData:
    """A report's parts; `parts` replaces some."""
    settings = load(environ={}, home=ROOT, env_file=ROOT / ".env.example")
    found = ReportData(
        identity="i" * 64,
        made_at=NOW + timedelta(minutes=5),
        made_by="Smart Trader test",
        rules=shown_rules(settings.ranking),
        limits=Limits(tokens=6, sales=5, lots=5, biggest=3),
        ranked_at=NOW,
        previous_at=BEFORE,
        traders=(trader(), bare()),
        track_records=track_records(),
        discovered=Discovered(wallets=300, bought=250, mean_return=Decimal("-3.250001")),
        groups=_groups(),
        movements=(movement(GOOD, "up", 1, 5, "gained"), movement(BARE, "entered", 2, None)),
        tokens=(token(),),
        sales=(
            sale(),
            sale(nth=2, realized_pnl_usd=None, cost_usd=None, holding_hours=None, gain_place=None),
            sale(nth=3, value_source="token_price", price_check="one_sided", took_untrusted=False),
        ),
        curves=(step(0, "100.5"), step(3, "-250"), step(9, "1384.067890123")),
        lots=(lot(),),
        states=({"wallet_address": GOOD, "wallet_class": "person", "class_reason": "no sign of a bot"},),
        rejections=({"source": "trader_txs", "reason": "no_mint", "rows": 3, "newest": NOW},),
        freshness=_freshness(),
        runs=(_run(),),
        versions={"gold.smart_traders": 3},
        detailed=frozenset((GOOD, BARE)),
    )
    return replace(found, **parts)


def named(symbols: Sequence[str]) -> ReportData:
    """A report in which strangers have chosen every text that a stranger can choose."""
    wallets = [f"Hosti1e{nth:04}".replace("0", "Z").ljust(44, "1") for nth, _ in enumerate(symbols, start=1)]
    return report_data(
        traders=[trader(wallet, nth) for nth, wallet in enumerate(wallets, start=1)],
        tokens=[token(symbol, wallet) for symbol, wallet in zip(symbols, wallets, strict=True)],
        sales=[
            sale(symbol, wallet=wallet, tx_hash=symbol, value_source=symbol)
            for symbol, wallet in zip(symbols, wallets, strict=True)
        ],
        lots=[lot(symbol, wallet_address=wallet) for symbol, wallet in zip(symbols, wallets, strict=True)],
        curves=[step(nth, "10", wallet) for wallet in wallets for nth in (0, 1)],
        states=[
            {"wallet_address": wallet, "wallet_class": symbol, "class_reason": symbol}
            for symbol, wallet in zip(symbols, wallets, strict=True)
        ],
        movements=[movement(symbol, "left", None, nth) for nth, symbol in enumerate(symbols, start=1)],
        rejections=[{"source": s, "reason": s, "rows": 1, "newest": NOW} for s in symbols],
        runs=[_run() | {"message": symbol} for symbol in symbols],
        detailed=frozenset(wallets),
    )


def track_records() -> tuple[TrackRecord, ...]:
    """Two rankings graded after 7 days, of one of which few wallets are observed; none after 30 days."""
    first = datetime(2026, 1, 5, 9, tzinfo=UTC)
    grades = [
        _grade(first, Cohort.RANKED, 200, 198, rank_correlation=Decimal("-0.044")),
        _grade(first, Cohort.RECOMMENDED, 40, 39, **_excess("3.25", "1.21")),
        _grade(first, Cohort.SKILLED, 40, 40, **_excess("-0.5", "1.44")),
        _grade(first + timedelta(days=7), Cohort.RANKED, 200, 150),
        _grade(first + timedelta(days=7), Cohort.RECOMMENDED, 40, 20, **_excess("12", "9")),
        _grade(first + timedelta(days=7), Cohort.SKILLED, 40, 20),
    ]
    return tuple(track_record(grades, first, NOW, VerdictRules(days, 28 * DAY, _RIPE)) for days in (7, 30))


_RIPE = Fraction(95, 100)


def _grade(ranked_at: datetime, cohort: Cohort, wallets: int, observed: int, **figures: Any) -> dict[str, Any]:
    unknown = ("rank_correlation", "excess_return", "excess_variance", "excess_low", "excess_high")
    return {
        "ranked_at": ranked_at,
        "horizon_days": 7,
        "cohort": cohort.value,
        "wallets": wallets,
        "observed": observed,
        "profitable": observed // 3,
        "mean_return": Decimal("-1.5"),
        **dict.fromkeys(unknown),
        **figures,
    }


def _excess(percent: str, variance: str) -> dict[str, Decimal]:
    value, error = Decimal(percent), Decimal(variance).sqrt()
    ends = {"excess_low": value - 2 * error, "excess_high": value + 2 * error}
    return {"excess_return": value, "excess_variance": Decimal(variance), **ends}


def _groups() -> Sequence[Mapping[str, Any]]:
    return (
        {"performance_tier": "STRONG", "gate_failures": [], "wallets": 1, "realized_pnl": Decimal("1234.5")},
        {"performance_tier": "QUALIFIED", "gate_failures": ["class_bot"], "wallets": 1, "realized_pnl": Decimal(0)},
    )


def _freshness() -> dict[str, Any]:
    times = ("whale_fetched_at", "txns_last_fetched_at", "pnl_last_processed_at")
    spans = {f"{end}_{name}": NOW for name in times for end in ("newest", "oldest")}
    return spans | {
        "tokens": 2,
        "newest_snapshot": date(2026, 1, 20),
        "wallets": 9,
        "wallets_read": 8,
        "wallets_computed": 7,
        "newest_trade": NOW - timedelta(hours=1),
    }


def _run() -> dict[str, Any]:
    return {
        "run_id": "run-1",
        "job": "gold_traders",
        "started_at": NOW,
        "finished_at": NOW + timedelta(seconds=2.5),
        "outcome": "ok",
        "exit_code": 0,
        "rows_in": 10,
        "rows_out": 4,
        "rows_rejected": 0,
        "api_calls": 0,
        "compute_units": 0,
        "message": None,
    }
