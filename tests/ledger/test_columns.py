from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, MetaData, Table, create_engine, insert, select
from sqlalchemy.exc import StatementError

from alchemiser_dagster.ledger.columns import Instant, money, quantity

engine = create_engine("sqlite://")
metadata = MetaData()
things = Table("things", metadata, Column("shares", quantity()), Column("dollars", money()))
moments = Table("moments", metadata, Column("at", Instant))
metadata.create_all(engine)


@given(st.decimals(min_value="-9000000000", max_value="9000000000", places=9))
def test_shares_come_back_exactly(shares: Decimal) -> None:
    with engine.begin() as connection:
        connection.execute(things.delete())
        connection.execute(insert(things).values(shares=shares))
        assert connection.execute(select(things.c.shares)).scalar_one() == shares


def test_more_places_than_the_column_has_are_refused() -> None:
    with engine.begin() as connection, pytest.raises(StatementError, match="at most 2 decimal"):
        connection.execute(insert(things).values(dollars=Decimal("0.001")))


def test_a_float_never_touches_the_account() -> None:
    with engine.begin() as connection, pytest.raises(StatementError, match="expected a Decimal"):
        connection.execute(insert(things).values(dollars=0.1))


def test_moments_are_kept_in_utc(tmp_path: Path) -> None:
    eastern = timezone(timedelta(hours=-5))
    with engine.begin() as connection:
        connection.execute(insert(moments).values(at=datetime(2026, 11, 2, 16, tzinfo=eastern)))
        stored = connection.execute(select(moments.c.at)).scalar_one()
    assert stored == datetime(2026, 11, 2, 21, tzinfo=UTC)
    assert stored.tzinfo is UTC


def test_a_naive_moment_is_refused() -> None:
    with engine.begin() as connection, pytest.raises(StatementError, match="aware datetime"):
        connection.execute(insert(moments).values(at=datetime(2026, 11, 2)))  # noqa: DTZ001
