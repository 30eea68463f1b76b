"""What other programs ask of the tables, asked in the same way: by index, to the last page."""

from collections.abc import Iterator

from alchemiser_dagster.publishing.dynamodb import PublishedTable
from alchemiser_dagster.publishing.items import Item
from alchemiser_dagster.publishing.tables import (
    BY_SESSION,
    BY_STRATEGY,
    BY_SYMBOL,
    LOTS_BY_STRATEGY,
    LOTS_BY_SYMBOL,
    SIGNALS_BY_STATE,
    TRADE_LEDGER,
)

OPEN, CLOSED = "OPEN#", "CLOSED#"


def published_lots(
    table: PublishedTable, strategy: str, *, state: str = "", symbol: str = ""
) -> Iterator[Item]:
    """A strategy's lots: all, or those that are OPEN or CLOSED, and of them those of a symbol.

    By symbol and entry. Raises ValueError for a symbol without a state, which the index cannot do.
    """
    if symbol and not state:
        raise ValueError(f"expected OPEN or CLOSED with the symbol {symbol}, was neither")
    beginning = f"{state}{symbol}#" if symbol else state
    return _asked(table, LOTS_BY_STRATEGY, f"STRATEGY_LOTS#{strategy}", beginning)


def published_lots_of_symbol(
    table: PublishedTable, symbol: str, *, state: str = ""
) -> Iterator[Item]:
    """The lots of a symbol over all strategies."""
    return _asked(table, LOTS_BY_SYMBOL, f"SYMBOL_LOTS#{symbol}", state)


def published_exits(table: PublishedTable, strategy: str) -> Iterator[Item]:
    """The exit records of a strategy's lots, each a completed trade."""
    for lot in published_lots(table, strategy):
        yield from lot["exit_records"]


def published_strategy_trades(table: PublishedTable, strategy: str) -> Iterator[Item]:
    """What a strategy traded, oldest first."""
    return _asked(table, BY_STRATEGY, f"STRATEGY#{strategy}", "TRADE#")


def published_trades_of_symbol(table: PublishedTable, symbol: str) -> Iterator[Item]:
    """The account's orders in a symbol, oldest first."""
    return _asked(table, BY_SYMBOL, f"SYMBOL#{symbol}", "TRADE#")


def published_of_session(table: PublishedTable, correlation: str, kind: str = "") -> Iterator[Item]:
    """The trades and signals of a session; `kind` is "TRADE#" or "SIGNAL#" for one of them."""
    return _asked(table, BY_SESSION, f"CORR#{correlation}", kind)


def published_signals(table: PublishedTable, state: str, *, made_at: str = "") -> Iterator[Item]:
    """The signals in a lifecycle state; of the evening whose close was at `made_at`."""
    beginning = f"SIGNAL#{made_at}#" if made_at else "SIGNAL#"
    return _asked(table, SIGNALS_BY_STATE, f"STATE#{state}", beginning)


def published_strategies(table: PublishedTable) -> list[str]:
    """The names of all strategies."""
    found = _asked(table, BY_STRATEGY, "STRATEGIES", "METADATA#")
    return [item["strategy_name"] for item in found]


def _asked(
    table: PublishedTable, index: str, partition_key: str, beginning: str = ""
) -> Iterator[Item]:
    partition, sort = TRADE_LEDGER.indexes[index]
    names, values = {"#p": partition}, {":p": {"S": partition_key}}
    condition = "#p = :p"
    if beginning:
        names["#s"], values[":s"] = sort, {"S": beginning}
        condition += " AND begins_with(#s, :s)"
    pages = table.pages(
        IndexName=index,
        KeyConditionExpression=condition,
        ExpressionAttributeNames=names,
        ExpressionAttributeValues=values,
    )
    for page in pages:
        yield from page
