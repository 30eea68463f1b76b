"""The error of the ledger."""


class LedgerError(Exception):
    """The ledger cannot be used, or would become untrue."""
