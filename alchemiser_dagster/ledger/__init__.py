"""The record of the account: intents, orders, fills, lots, cash, in one transactional SQL store.

Everything a book owns can be rebuilt from what stands here, and nothing else is a source of
positions. Reads return everything or raise; every write is one transaction.
"""
