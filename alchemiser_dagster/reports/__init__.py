"""Tearsheets: what was earned and how, a self-contained HTML page a book and one for the account.

Tables in, text out: nothing here reads a ledger, a market or a clock, so the same tables give the
same bytes. Money stays Decimal in the tables of a page; pictures are drawn in floats.
"""
