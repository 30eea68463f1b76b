"""When what follows the trading is made by itself: as soon as what it is made from is there.

Dagster's `eager` looks at the latest session only, and the next session is the latest from its
midnight on. Bars that come the next morning, a noon repair, a run that failed: of these it would
never hear. So the sessions of a week are looked at.
"""

from datetime import timedelta

import dagster as dg

LOOKED_BACK = timedelta(days=7)
"""How long after its session something is still made, or made again, by itself."""

FOLLOWING = dg.AutomationCondition.eager().without(
    dg.AutomationCondition.in_latest_time_window()
) & dg.AutomationCondition.in_latest_time_window(LOOKED_BACK)
"""Made when something it is made from is new and nothing of it is missing."""

WHEN_NEW = (
    dg.AutomationCondition.any_deps_updated().since_last_handled()
    & ~dg.AutomationCondition.any_deps_in_progress()
    & ~dg.AutomationCondition.in_progress()
).with_label("when something is new")
"""For what has no sessions of its own: it does not wait for sessions that may be missing for
ever."""
