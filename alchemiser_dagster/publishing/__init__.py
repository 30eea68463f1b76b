"""Copies of what the ledger and the performance tables say, where other programs read them.

DynamoDB tables with the keys, attributes and indexes that their readers know, and CSV reports.
Nothing here writes to the ledger, and nothing is read back from a copy but to compare it.
"""
