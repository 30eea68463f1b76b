"""Strategies on paper: what their weights would have returned, and statistics of returns.

All of it is float64 over whole histories; no money of the account is reckoned here.
"""
