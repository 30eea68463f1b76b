"""What must hold, whatever goes wrong.

    I1   the books' shares of every symbol sum to the broker's                     `sums`
    I2   the books' cash sums to the broker's                                      `sums`
    I3   lots and cash say the same: equity change = flows + realised + unrealised `lots`
    I4   no order at the broker that the ledger did not know before; never more    `orders`,
         executed than the block, the order and the trade were for                 `quantities`
    I5   no order outside the session's window, over a limit, for something        `orders`,
         halted, or on the other side of a symbol in the same session; no book     `quantities`
         sells what it does not own or buys with what it does not have
    I6   the books made again from the journal are the books; its chain is whole   `journal`
    I7   a session traded before, or not yet due, sends nothing when it is run     `trader`

The functions yield violations in words. They read the tables and the witness, and share no code
with the program. When each is checked, says `checker`.
"""
