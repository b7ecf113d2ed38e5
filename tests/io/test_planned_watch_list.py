"""A webhook that is only planned for: what would be written is noted, and only reads reach the service."""

from smart_trader.domain.gold.watch_list import WebhookChange
from smart_trader.io.helius.planned import PlannedWatchList
from smart_trader.ports import Usage, Watched
from tests.io.test_helius import NEW, OLD, simulated, store, webhook_of

KEPT = Watched("id-1", frozenset(OLD))


def test_without_calls_the_list_is_as_it_was_remembered() -> None:
    planned = PlannedWatchList(None)
    assert planned.change is None
    assert planned.find(KEPT) == KEPT
    assert planned.change == WebhookChange((), ())

    held = planned.watch([OLD[0], *NEW])

    assert held == Watched("id-1", frozenset([OLD[0], *NEW]))
    assert planned.change == WebhookChange(tuple(sorted(NEW)), tuple(sorted(OLD[1:])))
    assert (planned.writes, planned.usage()) == (1, Usage(0, 0, 0.0))


def test_a_webhook_that_nobody_remembers_would_be_made() -> None:
    planned = PlannedWatchList(None)
    assert planned.find(None) is None
    assert planned.watch(NEW).wallets == frozenset(NEW)
    assert planned.change == WebhookChange(tuple(sorted(NEW)), ())


def test_with_calls_the_list_is_as_the_service_has_it_and_it_is_only_read() -> None:
    with simulated() as simulator:
        store(simulator)
        planned = PlannedWatchList(lambda: webhook_of(simulator))

        held = planned.find(Watched("id-1", frozenset(NEW)))
        assert held is not None and held.wallets == frozenset(OLD)
        planned.watch(NEW)

        assert planned.change == WebhookChange(tuple(sorted(NEW)), tuple(sorted(OLD)))
        assert planned.usage().calls == len(simulator.requests) == 1
        assert {request.method for request in simulator.requests} == {"GET"}
        assert simulator.helius.webhooks["id-1"]["accountAddresses"] == OLD
