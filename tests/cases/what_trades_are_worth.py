"""Histories in which it is easy to give a trade the wrong value, and what the tables must say of each."""

from tests.cases.served import Case, bought, leg, row, sol, sold, tx, usdc

LOOPS = (
    Case(
        name="a loop that leaves one unit of a token",
        history=[
            tx(9, row(leg("K", 1_000_000, "0.0015"), sol(-10), 1500)),
            tx(
                8,
                row(sol(-10), leg("K", 1_000_000, "0.0015"), 1500),
                row(leg("K", -999_999, "0.001515"), sol("10.1"), 1515),
            ),
            tx(7, row(leg("K", -1_000_001, "0.00165"), sol(11), 1650)),
        ],
        portfolio={
            "realized_pnl": "149.99835",
            "trusted_pnl": "149.99835",
            "cost_of_sold": 1500,
            "trade_count": 2,
            "arbitrage_tx_count": 1,
        },
    ),
    Case(
        name="money changed before every purchase and after every sale",
        history=[
            transaction
            for day in range(15)
            for transaction in (
                tx(day + 1.00, row(sol("-1.2"), usdc(180), 180)),
                tx(day + 1.01, row(leg(f"T{day}", -1000, "0.18"), sol("1.2"), 180)),
                tx(day + 1.10, row(leg(f"T{day}", 1000, "0.15"), sol(-1), 150)),
                tx(day + 1.11, row(sol(1), usdc(-150), 150)),
            )
        ],
        portfolio={"realized_pnl": 450, "arbitrage_tx_count": 0, "trade_count": 30, "trusted_ratio": 1},
        trader={"recommended": True},
    ),
    Case(
        name="bought and mostly sold again in one transaction",
        history=[
            tx(
                9,
                row(sol(-1), leg("Z", 1000, "0.15"), 150),
                row(leg("Z", -900, "0.1666667"), sol(1), 150),
            ),
            tx(8, row(leg("Z", -100, "0.15"), sol("0.1"), 15)),
        ],
        portfolio={
            "realized_pnl": (-2, "15.1"),
            "trusted_pnl": (-2, "15.1"),
            "trade_count": 3,
            "total_bought": 150,
            "total_sold": 165,
        },
    ),
    Case(
        name="two volumes that nearly cancel",
        history=[
            tx(
                20,
                row(leg("Z", 1000, "0.15"), sol(-1), 150),
                row(leg("Z", -900, "0.1666667"), sol(1), "149.999"),
            ),
            tx(10, row(leg("Z", -100, "0.15"), usdc(15), 15)),
        ],
        portfolio={
            "realized_pnl": (-2, "15.1"),
            "trusted_pnl": (-2, "15.1"),
            "best_trade_roi": (0, 20),
            "cost_of_sold": 150,
        },
    ),
)

ROUTES = (
    Case(
        name="a route that leaves three base units of the token in the middle",
        history=[
            tx(
                9,
                row(usdc(-100), leg("X", "10000.000003", "0.01"), 100),
                row(leg("X", -10_000, "0.01"), leg("Y", 50_000, "0.002"), 100),
            ),
            tx(8, row(leg("Y", -50_000, "0.003"), usdc(150), 150)),
        ],
        portfolio={"realized_pnl": 50, "trusted_pnl": 50, "coverage_ratio": 1, "trade_count": 2},
    ),
    Case(
        name="a route without a rest",
        history=[
            tx(
                9,
                row(usdc(-100), leg("X", 10_000, "0.01"), 100),
                row(leg("X", -10_000, "0.01"), leg("Y", 50_000, "0.002"), 100),
            ),
            tx(8, row(leg("Y", -50_000, "0.003"), usdc(150), 150)),
        ],
        portfolio={"realized_pnl": 50, "trusted_pnl": 50, "trade_count": 2},
    ),
    Case(
        name="two sales in one transaction",
        history=[
            bought("P1", 9, 1000),
            bought("P2", 8.99, 1000),
            tx(
                8,
                row(leg("P1", -1000, "0.15"), sol(1), 150),
                row(leg("P2", -1000, "0.15"), sol(1), 150),
            ),
            bought("G", 7, 100),
            sold("G", 6, 300),
        ],
        portfolio={"realized_pnl": -1500, "trusted_pnl": -1500, "trade_count": 6, "rejected_rows": 0},
        trader={"performance_tier": "QUALIFIED", "recommended": False},
        failures=frozenset({"pnl_below", "roi_below", "win_rate_below"}),
    ),
    Case(
        name="one token sold and another bought in one transaction, over SOL",
        history=[
            bought("A", 9, 100),
            tx(
                8,
                row(leg("A", -1000, "0.15"), sol(1), 150),
                row(sol(-1), leg("B", 500, "0.3"), 150),
            ),
            sold("B", 7, 120, 500),
        ],
        portfolio={"realized_pnl": 20, "trusted_pnl": 20, "trusted_sales": 2, "trade_count": 4},
        trades={
            ("A", "SELL"): {"value_usd": 150, "value_source": "sol", "swap_group_id": None},
            ("B", "BUY"): {"value_usd": 150, "value_source": "sol", "cost_known": True},
        },
    ),
    Case(
        name="paid in a stable coin that was bought for another",
        history=[
            tx(10, row(leg("USD1", 1000, "1"), usdc(-1000), 1000)),
            *(
                tx(9 - nth / 4 - away, row(leg(f"T{nth}", units, price), leg("USD1", dollars, "1"), abs(dollars)))
                for nth in range(5)
                for away, units, price, dollars in ((0, 1000, "0.1", -100), (0.1, -1000, "0.15", 150))
            ),
        ],
        portfolio={"realized_pnl": 250, "trusted_pnl": 250, "win_rate": 100, "trade_count": 10},
        trader={"tokens_traded": 5, "recommended": True},
    ),
)

MADE_UP = (
    Case(
        name="fifteen dollars of a token become five million of another",
        history=[
            tx(9, row(leg("S1", 1_000_000, "0.000015"), sol("-0.1"), 15)),
            tx(8, row(leg("S1", -1_000_000, "5"), leg("S2", 5_000_000, "1"), 5_000_000)),
        ],
        portfolio={"trusted_pnl": (-15, 0), "trusted_ratio": 0},
        trader=None,
    ),
    Case(
        name="a gift, swapped at a volume of a dollar, sold for a thousand",
        history=[
            tx(18, row(leg("A", -1000), leg("B", 1000), 1)),
            tx(17, row(leg("B", -1000, "1"), usdc(1000), 1000)),
        ],
        portfolio={"trusted_pnl": 0, "trusted_sales": 0, "trusted_ratio": 0, "winning_tokens": 0},
        trades={("B", "BUY"): {"value_source": "volume_usd"}, ("B", "SELL"): {"value_source": "stable"}},
        trader=None,
    ),
    Case(
        name="a price of SOL a thousand times too high",
        history=[
            tx(20, row(leg("R", 1000, "1.5"), usdc(-1500), 1500)),
            tx(10, row(leg("R", -1000), sol(11, "150000"), 1_650_000)),
        ],
        portfolio={"trusted_pnl": 0, "trusted_ratio": 0},
        trades={("R", "SELL"): {"value_source": "volume_usd", "value_usd": 1_650_000}},
        trader=None,
    ),
    Case(
        name="a stable coin at a tenth of a cent",
        history=[
            tx(9, row(leg("Q", 10_000, "0.1"), usdc(-1000, "0.001"), 1000)),
            tx(8, row(leg("Q", -10_000, "0.12"), usdc(1200), 1200)),
        ],
        portfolio={"realized_pnl": 200, "trusted_pnl": 200, "roi": 20},
        trades={("Q", "BUY"): {"value_source": "stable", "value_usd": 1000, "price_check": "suspect"}},
    ),
    Case(
        name="a stable coin at three dollars",
        history=[
            tx(9, row(leg("Q", 10_000, "0.1"), usdc(-1000, "3"), 3000)),
            tx(8, row(leg("Q", -10_000, "0.12"), usdc(1200), 1200)),
        ],
        portfolio={"realized_pnl": 200, "trusted_pnl": 200, "roi": 20},
    ),
    Case(
        name="a price of SOL below a dollar",
        history=[
            bought("R", 20, 1500),
            tx(10, row(leg("R", -1000), sol(11, "0.5"), "5.5")),
        ],
        portfolio={"trusted_pnl": "-1494.5", "trusted_sales": 1, "trusted_ratio": 0},
        trades={("R", "SELL"): {"value_source": "volume_usd", "value_usd": "5.5"}},
        trader=None,
    ),
    Case(
        name="a gift sold for money",
        history=[sold("A", 9, 1000)],
        portfolio={
            "realized_pnl": 0,
            "trusted_pnl": 0,
            "unmatched_proceeds": 1000,
            "coverage_ratio": 0,
            "trusted_ratio": None,
        },
        trader=None,
    ),
    Case(
        name="a loss behind a missing price",
        history=[
            bought("A", 31, 5000),
            bought("G", 21, 100),
            sold("G", 20, 300),
            tx(19, row(leg("A", -1000), leg("F", 5))),
        ],
        portfolio={
            "realized_pnl": 200,
            "trusted_pnl": -4800,
            "trusted_cost_of_sold": 5100,
            "trusted_sales": 2,
            "trusted_winning_sales": 1,
            "trusted_win_rate": 50,
            "token_win_rate": 50,
        },
        tokens={"A": {"losing_tokens": 1}},
        trader={"performance_tier": "QUALIFIED", "recommended": False},
        failures=frozenset({"pnl_below", "roi_below"}),
    ),
)

BAGS = (
    Case(
        name="winners sold, losers kept",
        history=[
            *(bought(f"BAG{nth}", 40 - nth / 24, 100) for nth in range(20)),
            *(bought(f"WIN{nth}", 30 - nth, 100) for nth in range(3)),
            *(sold(f"WIN{nth}", 29 - nth, 400) for nth in range(3)),
        ],
        portfolio={"realized_pnl": 900, "token_win_rate": (13, "13.1"), "losing_tokens": 20, "winning_tokens": 3},
        trader={"performance_tier": "PROMISING", "recommended": False},
        failures=frozenset({"token_win_rate_below"}),
    ),
    Case(
        name="wins that no money shows",
        history=[
            *(bought(f"BAG{nth}", 40 - nth / 24, 100) for nth in range(20)),
            *(bought(f"WIN{nth}", 30 - nth, 100) for nth in range(3)),
            *(sold(f"WIN{nth}", 29 - nth, 400) for nth in range(3)),
            *(tx(25 - nth / 24, row(leg(f"S{nth}", 1000, "0.0005"), usdc("-0.5"), "0.5")) for nth in range(20)),
            *(tx(24 - nth / 24, row(leg(f"S{nth}", -1000), leg("Z", "0.000001"), 1)) for nth in range(20)),
        ],
        portfolio={"trusted_pnl": 900, "winning_tokens": 3, "token_win_rate": (12, "13.1")},
        trader={"performance_tier": "PROMISING", "recommended": False},
        failures=frozenset({"token_win_rate_below"}),
    ),
    Case(
        name="one winner of five, sold in twenty slices",
        history=[
            bought("W", 20, 400, 20_000),
            *(sold("W", 19 - nth / 1000, 25) for nth in range(20)),
            *(bought(f"L{nth}", 15 - nth / 24, 100) for nth in range(4)),
            *(sold(f"L{nth}", 14 - nth / 24, 80) for nth in range(4)),
        ],
        portfolio={"realized_pnl": 20, "trusted_pnl": 20, "token_win_rate": 20, "winning_sales": 20},
        trader={"performance_tier": "QUALIFIED", "recommended": False},
        failures=frozenset({"token_win_rate_below"}),
    ),
)

UNITS = (
    Case(
        name="a row without decimals",
        history=[
            tx(days, row(leg("D", 1000, "0.1", says_decimals=days > 3), usdc(-100), 100)) for days in (3, 3.1, 3.2)
        ],
        portfolio={"current_position_value": 360, "current_position_cost_basis": 300},
        tokens={"D": {"current_position_tokens": 3000}},
        trader=None,
    ),
    Case(
        name="a share that was split ten to one",
        history=[
            tx(3, row(leg("STKx", 20, "100", decimals=8, multiplier=10), usdc(-2000), 2000)),
        ],
        portfolio={"current_position_value": 2200, "unrealized_pnl": 200, "trusted_ratio": None},
        tokens={"STKx": {"current_position_tokens": 20}},
        trades={("STKx", "BUY"): {"price_check": "ok", "quantity_raw": 200_000_000}},
        trader=None,
    ),
    Case(
        name="a share that was split after it was bought",
        history=[
            tx(5, row(leg("STKy", 10, "200", decimals=8, multiplier=5), usdc(-2000), 2000)),
            tx(2, row(leg("STKy", -10, "110", decimals=8, multiplier=10), usdc(1100), 1100)),
        ],
        portfolio={"realized_pnl": 100},
        tokens={"STKy": {"current_position_tokens": 10, "multiplier": 10}},
        trades={
            ("STKy", "BUY"): {"price_check": "ok", "quantity_raw": 200_000_000},
            ("STKy", "SELL"): {"price_check": "ok", "quantity_raw": 100_000_000},
        },
        trader={"recommended": False},
    ),
)
MISSING_DECIMALS, SPLIT_SHARE, SPLIT_SINCE = UNITS
CASES = (*LOOPS, *ROUTES, *MADE_UP, *BAGS, *UNITS)
