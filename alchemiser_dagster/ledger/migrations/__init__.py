"""How a ledger of any earlier version becomes one of this version.

A database says in its table `alembic_version` which revision its tables have. Opening a ledger
compares that with the last of `REVISIONS` and brings the tables up, all in one transaction:

    no tables             ->  made as `ledger.schema` has them, at the last revision
    tables, no revision   ->  those of version 0.1.0: revision 0001, then like any earlier one
    an earlier revision   ->  every migration from there on is run
    the last revision     ->  used as it is (the usual case, which costs one query)
    any other revision    ->  refused: a newer version wrote it

To change the tables: change `ledger/schema`, then

    make revision MESSAGE="what changes"

writes `versions/000N_what_changes.py` with what differs from the revision before, to be read and
completed by hand, and its number is added to `REVISIONS`. The tests compare the tables that the
migrations make with those of `ledger/schema`, on SQLite and PostgreSQL. SQLite does not rebuild a
table (alembic's batch operations) that others refer to: read, drop, make and write them all, as
revision 0002 does.

There are no downgrades: whoever wants to go back to an older version keeps a copy of the ledger.
"""

REVISIONS = ("0001", "0002")
"""Every revision there has been, oldest first."""
