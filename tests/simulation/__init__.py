"""Deterministic simulation: whole sessions on a broker, a clock and a network that misbehave.

One integer, the seed, decides everything (`scenarios`): the market and its splits and dividends,
the strategies' wishes, the broker's faults, when the program is killed and started again, and what
other people do to the account meanwhile. The seed is then run (`trader`): the real trading program
against the embedded broker in this process, in simulated time, with the invariants checked at every
commit of its ledger and at every order the broker takes (`invariants`). Equal seeds have equal
stories, so a violation is found once and repeated at will:

    make simulate SEEDS=300
    python -m tests.simulation --seed 17 --verbose

    scenarios   markets, faults, deaths, incidents: what is drawn from the seed
    world       the broker, the ledger, and every boundary the program passes (`boundaries`)
    witness     what the broker did, by its own commits; `tables`: what the ledger has committed
    invariants  I1 to I7, checked against these two
    trader      runs the program, again and again until the session is complete
    mistakes    deliberate mistakes in the program, each found by a seed
    campaign    many seeds on several processes, and the tables of what happened in them
"""
