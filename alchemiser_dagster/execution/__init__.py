"""Trading one session at the broker: the gate, the walk, the settlement.

This package, called by the trading job, is the only code that sends orders.
"""
