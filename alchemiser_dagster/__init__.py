"""The Alchemiser on Dagster: many rule-based strategies on one account, a book each."""
