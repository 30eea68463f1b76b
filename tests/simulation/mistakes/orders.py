"""Mistakes in the dealings with the broker."""

import dataclasses
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from alchemiser_dagster.execution import (
    gate,
    gateway,
    orders,
    preparation,
    step,
    walk,
)
from alchemiser_dagster.execution.block import WorkingBlock
from alchemiser_dagster.execution.broker import OrderState
from alchemiser_dagster.execution.errors import BrokerError, OrderRefused, OutcomeUnknown
from alchemiser_dagster.execution.gateway import Gateway
from alchemiser_dagster.ledger import block_records, rails
from alchemiser_dagster.ledger.rails import Rails
from tests.simulation.mistakes.mistake import Mistake, patched


def _random_ids(submit: Any) -> Any:
    """Every order is sent under a fresh id, which is not the one written down."""
    numbers = itertools.count()

    def wrong(self: Gateway, *, client_order_id: str, **order: Any) -> Any:
        return submit(self, client_order_id=f"{client_order_id}-{next(numbers)}", **order)

    return wrong


def _sent_again(submit: Any) -> Any:
    """After a timeout the order is simply sent again, under another id."""

    def wrong(self: Gateway, *, client_order_id: str, **order: Any) -> Any:
        try:
            return submit(self, client_order_id=client_order_id, **order)
        except OutcomeUnknown:
            return submit(self, client_order_id=f"{client_order_id}-again", **order)

    return wrong


def _sent_before_written(
    gateway_: Gateway, ledger: Any, order: Any, intent: Any, check: Any
) -> Any:
    """The order goes out first, and is written down when the broker has taken it."""
    found = gateway_.submit(
        client_order_id=intent.client_order_id,
        symbol=intent.symbol,
        side=intent.side,
        quantity=intent.quantity,
        limit_price=intent.limit_price,
    )
    block_records.intend_order(ledger, order, check)
    orders.record_found(ledger, found)
    return found


def _refused_when_unknown(error: Exception) -> BrokerError:
    """A timeout is taken for a refusal: the next step trades the whole quantity again."""
    return OrderRefused(504, None, str(error))


def _begin_forgetting(begin: Any) -> Any:
    """A run that is started again does not look for what the one before had sent."""

    def wrong(cls: type[WorkingBlock], ledger: Any, row: Any, now: Any) -> WorkingBlock:
        block: WorkingBlock = begin(ledger, row, now)
        block.order = None
        return block

    return classmethod(wrong)


@contextmanager
def _cancel_is_the_end() -> Iterator[None]:
    """An order that was asked to end is taken to have ended as it stood."""
    asked: set[str] = set()
    cancel, since, one = Gateway.cancel, Gateway.orders_since, Gateway.order

    def ended(order: Any) -> Any:
        if order is not None and order.order_id in asked and not order.state.ended:
            return dataclasses.replace(order, state=OrderState.CANCELED)
        return order

    def wrong_cancel(self: Gateway, order_id: str) -> None:
        asked.add(order_id)
        cancel(self, order_id)

    def wrong_since(self: Gateway, moment: Any) -> dict[str, Any]:
        return {name: ended(order) for name, order in since(self, moment).items()}

    def wrong_one(self: Gateway, name: str) -> Any:
        return ended(one(self, name))

    with (
        patch.object(Gateway, "cancel", wrong_cancel),
        patch.object(Gateway, "orders_since", wrong_since),
        patch.object(Gateway, "order", wrong_one),
    ):
        yield


MISTAKES_WITH_ORDERS: tuple[Mistake, ...] = (
    Mistake(
        "random order ids",
        patched(patch.object(Gateway, "submit", _random_ids(Gateway.submit))),
        seed=0,
    ),
    Mistake(
        "sent again under a new id after a timeout",
        patched(patch.object(Gateway, "submit", _sent_again(Gateway.submit))),
        seed=6,
    ),
    Mistake(
        "sent before it is written down",
        patched(patch.object(step, "place", _sent_before_written)),
        seed=0,
    ),
    Mistake(
        "a timeout is taken for a refusal",
        patched(patch.object(gateway, "after_submit", _refused_when_unknown)),
        seed=6,
    ),
    Mistake(
        "started again without looking for open orders",
        patched(patch.object(WorkingBlock, "begin", _begin_forgetting(WorkingBlock.begin))),
        seed=0,
    ),
    Mistake("a cancel is taken for the end", _cancel_is_the_end, seed=0),
    Mistake(
        "orders in the last minute",
        patched(
            *(
                patch.object(module, "NO_ORDERS", timedelta(0))
                for module in (walk, gate, preparation)
            )
        ),
        seed=16,
    ),
    Mistake(
        "the brake is not looked at",
        patched(
            patch.object(step, "check_order", lambda *_, **__: None),
            patch.object(rails, "_rails_of", lambda _: Rails()),
        ),
        seed=26,
    ),
)
