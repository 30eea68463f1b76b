"""Dagster only: which functions of the domain packages make which assets, checks, ops and jobs."""

import warnings

import dagster as dg

# Backfill policies of assets are marked beta; what we rely on of them is tested here.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
