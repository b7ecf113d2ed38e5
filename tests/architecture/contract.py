"""What other programs may rely on: names, types, keys and partitions of the tables, written down a second time.

A column may be added to a table; to change or drop one of these breaks its readers.
"""

from collections.abc import Iterator

TYPES = {
    "text": "string",
    "texts": "array<string>",
    "flag": "boolean",
    "int": "int",
    "count": "bigint",
    "date": "date",
    "time": "timestamp",
    "raw": "decimal(38,0)",
    "usd": "decimal(28,9)",
    "price": "decimal(38,18)",
    "pct": "decimal(38,6)",
    "ratio": "decimal(38,6)",
    "hours": "decimal(18,6)",
    "score": "decimal(9,4)",
    "double": "double",
    "cents": "decimal(28,2)",
}

_FIGURES = """
    usd: realized_pnl unrealized_pnl total_pnl cost_of_sold total_bought total_sold unmatched_proceeds
    usd: current_position_cost_basis current_position_value unmarked_cost_basis pnl_ex_best_token
    pct: roi win_rate token_win_rate win_rate_lower_bound best_trade_roi
    ratio: coverage_ratio trade_frequency_daily best_token_share
    count: winning_sales matched_sales winning_tokens losing_tokens trade_count buy_count sell_count
    count: arbitrage_tx_count rejected_rows
    hours: avg_holding_time_hours
    price: current_position_tokens mark_price
    text: mark_reason
    time: first_transaction last_transaction
    flag: history_complete
    usd: trusted_pnl trusted_cost_of_sold
    pct: trusted_roi trusted_win_rate
    ratio: trusted_ratio
    count: trusted_sales trusted_winning_sales
"""

COLUMNS = {
    "bronze.token_metrics": """
        text: token_address symbol name logo_uri raw
        int: decimals
        price: price multiplier
        usd: liquidity market_cap fdv volume_1h_usd volume_2h_usd volume_4h_usd volume_8h_usd volume_24h_usd
        pct: volume_1h_change_percent volume_2h_change_percent volume_4h_change_percent volume_8h_change_percent
        pct: volume_24h_change_percent price_change_1h_percent price_change_2h_percent price_change_4h_percent
        pct: price_change_8h_percent price_change_24h_percent
        count: holder trade_1h_count trade_2h_count trade_4h_count trade_8h_count trade_24h_count
        time: recent_listing_time last_trade_unix_time processed_at
        date: processing_date
        flag: processed
    """,
    "bronze.whale_holders": """
        text: wallet_address token_address token_symbol token_name raw
        int: rank decimals token_accounts
        raw: amount
        price: ui_amount multiplier
        usd: holdings_value_usd
        pct: share_of_supply_pct
        date: rank_date
        time: fetched_at
    """,
    "bronze.transaction_history": """
        text: event_id wallet_address tx_hash pool_address source tx_type interacted_program_id raw
        text: base_address base_symbol base_type_swap quote_address quote_symbol quote_type_swap
        texts: signers
        time: block_time fetched_at
        date: transaction_date
        count: block_number
        int: ins_index inner_ins_index base_decimals quote_decimals
        raw: base_change_raw quote_change_raw
        price: base_ui_change_amount base_multiplier base_price base_nearest_price
        price: quote_ui_change_amount quote_multiplier quote_price quote_nearest_price
        usd: volume_usd
    """,
    "bronze.rejected_rows": """
        text: source raw_sha256 reason detail wallet_address token_address raw
        time: rejected_at
    """,
    "silver.tracked_tokens": """
        text: token_address symbol name liquidity_tier bronze_batch_id whale_fetch_status last_error
        int: decimals attempts
        usd: liquidity fdv
        price: price
        count: holder
        cents: fdv_per_holder
        date: processing_date
        time: whale_fetched_at
        flag: is_newly_tracked
    """,
    "silver.tracked_whales": """
        text: whale_id wallet_address token_address token_symbol token_name whale_tier discovered_via
        text: wallet_class class_reason txns_fetch_status last_error pnl_processing_status
        int: rank attempts
        price: ui_amount
        usd: holdings_value_usd
        flag: is_current history_complete
        time: discovered_at txns_last_fetched_at oldest_trade_at newest_trade_at pnl_last_processed_at
    """,
    "silver.trades": """
        text: trade_id wallet_address token_address token_symbol side value_source price_check tx_hash
        text: swap_group_id source
        texts: event_ids
        int: decimals
        raw: quantity_raw
        usd: value_usd
        flag: cost_known
        time: block_time
        count: block_number
    """,
    "silver.rejected_rows": """
        text: event_id reason wallet_address tx_hash detail raw
        time: rejected_at
    """,
    "silver.realized_sales": """
        text: trade_id wallet_address token_address
        time: block_time acquired_at
        count: block_number
        raw: quantity_raw matched_raw unknown_cost_raw unmatched_raw
        usd: proceeds_usd matched_proceeds_usd cost_usd realized_pnl_usd
        hours: holding_hours
    """,
    "silver.open_lots": """
        text: trade_id wallet_address token_address
        time: acquired_at
        count: block_number
        raw: bought_raw remaining_raw
        usd: remaining_cost_usd
        flag: cost_known
    """,
    "silver.wallet_pnl": f"""
        text: wallet_address token_address
        {_FIGURES}
        time: computed_at gold_processed_at
        flag: moved_to_gold
    """,
    "gold.smart_traders": f"""
        text: wallet_address performance_tier
        {_FIGURES}
        score: smart_trader_score profitability_score roi_score win_rate_score activity_score
        count: overall_rank tier_rank trading_experience_days tokens_traded wallet_pnl_version
        flag: recommended
        texts: gate_failures
        usd: pnl_change avg_trade_size_usd
        pct: sell_ratio_percent
        usd: realized_pnl_7d realized_pnl_30d realized_pnl_90d cost_of_sold_7d cost_of_sold_30d cost_of_sold_90d
        pct: win_rate_7d win_rate_30d win_rate_90d
        count: matched_sales_7d matched_sales_30d matched_sales_90d trade_count_7d trade_count_30d trade_count_90d
        count: skill_rank
        pct: skill_win_rate skill_win_rate_low skill_return skill_return_low
        usd: pnl_ex_best_sale pnl_ex_best_3_sales
        ratio: best_sale_share
        usd: since_discovery_invested since_discovery_pnl
        pct: since_discovery_return
        count: since_discovery_sales since_discovery_winning_sales
        time: discovered_at ranked_at
    """,
    "gold.rank_history": """
        time: ranked_at
        date: ranking_date
        text: wallet_address performance_tier settings_hash wallet_class
        score: smart_trader_score
        count: overall_rank tier_rank wallet_pnl_version trades_version score_rank skill_rank trade_count
        hours: avg_holding_time_hours
        flag: recommended
        usd: total_pnl realized_pnl
        pct: roi win_rate
    """,
    "gold.rankings": """
        time: ranked_at
        count: wallets recommended wallet_pnl_version realized_sales_version trades_version tracked_whales_version
        text: settings settings_hash code_version columns digest
    """,
    "gold.outcomes": """
        time: ranked_at computed_at
        date: ranking_date
        text: wallet_address performance_tier
        score: smart_trader_score
        flag: recommended is_observed
        count: horizon_days overall_rank skill_rank trade_count sales winning_sales
        usd: invested_usd realized_usd skipped_proceeds_usd open_cost_usd open_value_usd unmarked_cost_usd
        usd: follow_pnl_usd
        pct: follow_return
    """,
    "gold.grades": """
        time: ranked_at
        text: cohort
        count: horizon_days wallets observed active profitable tokens
        pct: hit_rate mean_return median_return excess_return excess_low excess_high
        usd: invested_usd follow_pnl_usd
        ratio: rank_correlation excess_variance p_value
    """,
    "foundation.market_regimes": """
        time: timestamp updated_at
        text: symbol regime futures_trend model_version source source_file
        double: vix put_call_ratio confidence
        count: source_line
        date: date
    """,
    "foundation.performance_metrics": """
        time: timestamp updated_at
        text: strategy_id regime_at_entry regime_current source_file
        double: unrealized_pnl realized_pnl total_pnl delta gamma theta vega entry_price current_price
        int: dte
        count: source_line
        date: date
    """,
    "foundation.signals": """
        time: timestamp acted_at updated_at
        text: strategy_id signal_type source source_version regime futures_trend source_file
        double: signal_value
        flag: acted_upon
        count: source_line
        date: date
    """,
    "foundation.rejected_rows": """
        text: source source_file reason detail raw raw_sha256
        count: line
        time: rejected_at
    """,
    "ops.runs": """
        text: run_id job outcome table_versions code_version settings_hash message
        time: started_at finished_at
        int: exit_code
        count: rows_in rows_out rows_rejected api_calls compute_units
    """,
}

KEYS = {
    "bronze.token_metrics": "token_address batch_id",
    "bronze.whale_holders": "wallet_address token_address rank_date",
    "bronze.transaction_history": "event_id",
    "bronze.rejected_rows": "source raw_sha256",
    "silver.tracked_tokens": "token_address",
    "silver.tracked_whales": "whale_id",
    "silver.trades": "trade_id",
    "silver.rejected_rows": "event_id reason",
    "silver.realized_sales": "trade_id",
    "silver.open_lots": "trade_id",
    "silver.wallet_pnl": "wallet_address token_address",
    "gold.smart_traders": "wallet_address",
    "gold.rank_history": "ranked_at wallet_address",
    "gold.rankings": "ranked_at",
    "gold.outcomes": "ranked_at horizon_days wallet_address",
    "gold.grades": "ranked_at horizon_days cohort",
    "foundation.market_regimes": "timestamp symbol",
    "foundation.performance_metrics": "timestamp strategy_id",
    "foundation.signals": "timestamp strategy_id signal_type",
    "foundation.rejected_rows": "source_file line",
    "ops.runs": "run_id job",
}

PARTITIONS = {
    "bronze.token_metrics": "processing_date",
    "bronze.whale_holders": "rank_date",
    "gold.rank_history": "ranking_date",
    "gold.outcomes": "ranking_date",
    "foundation.market_regimes": "date",
    "foundation.performance_metrics": "date",
    "foundation.signals": "date",
}


def columns(table: str) -> dict[str, str]:
    """Type of each promised column, as Spark writes it."""
    return dict(_columns(COLUMNS[table])) | {"batch_id": "string", "ingested_at": "timestamp"}


def _columns(text: str) -> Iterator[tuple[str, str]]:
    for line in filter(None, map(str.strip, text.splitlines())):
        kind, _, names = line.partition(":")
        for name in names.split():
            yield name, TYPES[kind]
