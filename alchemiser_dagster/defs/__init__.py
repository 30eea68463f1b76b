"""Dagster only: which functions of the domain packages make which assets, checks, ops and jobs."""
