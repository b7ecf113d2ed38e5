"""What counts as money."""

from smart_trader.domain.kernel import money


def test_the_money_mints_are_these() -> None:
    assert money.SOL == "So11111111111111111111111111111111111111112"
    assert money.NATIVE_SOL == "So11111111111111111111111111111111111111111"
    assert money.USDC == "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
    assert money.USDT == "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB"
    assert money.PYUSD == "2b1kV6DkPAnxd5ixfnxCpjxmKwqjjaYmCZfHsFu24GXo"
    assert money.USDS == "USDSwr9ApdHk5bvJKMjzff41FfuX8bSxdKcR81vTwcA"
    assert money.USD1 == "USD1ttGY1N17NEEHLmELoaybftRBUSErhqYiQzvEmuB"
    assert money.USDG == "2u1tszSeqZ3qBWF3uNGPFc8TzMk2tdiwknnRMWGWjGWH"
    assert money.FDUSD == "9zNQRsGLjNKwCUU5Gq5LR8beUCPzQMVMqKAi3SSZh54u"
    stable = {money.USDC, money.USDT, money.PYUSD, money.USDS, money.USD1, money.USDG, money.FDUSD}
    assert stable == money.STABLE_COINS
    assert dict(money.MONEY) == {money.SOL: money.SOL, money.NATIVE_SOL: money.SOL} | {mint: mint for mint in stable}


def test_a_coin_of_the_user_is_money_by_itself_and_changes_no_built_in_one() -> None:
    own = money.money_with(["MyCoin", money.NATIVE_SOL, money.USDC])
    assert own == {**money.MONEY, "MyCoin": "MyCoin"}
