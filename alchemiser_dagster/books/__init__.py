"""Accounting for strategies in Decimal: capital, planning, lots, performance.

Each strategy has a *book*: its own cash and its own lots inside the one brokerage account.
Nothing here talks to a network, a database or Dagster.
"""
