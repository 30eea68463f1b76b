"""200 orders in one session at a broker that allows 200 calls a minute, on a simulated clock.

    python -m benchmarks.execution.session_200_orders

The least that a session can take is what the allowance permits: one call an order and one a cancel,
which the market forces, and twenty for everything else, in minutes of 200 calls that may be made at
once (`tests.execution.busy_session`). A session starts with a whole minute's allowance and is timed
from the opening of the trading window until its books agree with the broker. The exit code is 1
where it takes more than 1.2 times the least, or the broker has to refuse a call.
"""

import sys

from tests.execution.busy_session import HANDFUL, Pace, trade_many

ORDERS = 200
STUBBORN = 67
MOST = 1.2
REFUSED = 429


def main() -> int:
    """Run both markets; 0 when both are in time."""
    paces = {
        "every first limit fills within two seconds": trade_many(ORDERS),
        f"{STUBBORN} of the orders walk through all four steps": trade_many(
            ORDERS, stubborn=STUBBORN
        ),
    }
    for market, pace in paces.items():
        _tell(market, pace)
    return 0 if all(_in_time(pace) for pace in paces.values()) else 1


def _in_time(pace: Pace) -> bool:
    return pace.outcome == "success" and pace.ratio <= MOST and REFUSED not in pace.statuses


def _tell(market: str, pace: Pace) -> None:
    say(f"{ORDERS} orders, {pace.allowance} calls a minute; {market}: {pace.outcome}")
    say(f"  session              {pace.seconds:6.1f} s")
    say(f"  least                {pace.least:6.1f} s, for {pace.needed} calls ({HANDFUL} besides)")
    say(f"  ratio                {pace.ratio:6.2f} x  {'' if _in_time(pace) else 'MISSED'}")
    say(f"  calls                {len(pace.log):6}, refused {pace.statuses[REFUSED]}")
    for kind, number in pace.calls.most_common():
        say(f"    {kind:18} {number:6}")


def say(line: str) -> None:
    """One line of the report."""
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
