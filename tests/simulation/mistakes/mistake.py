"""What a deliberate mistake is: a name, a patch of the program, and a seed that finds it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Mistake:
    """A mistake by name; `made` is in force while its context is open."""

    name: str
    made: Callable[[], AbstractContextManager[object]]
    seed: int


def patched(
    *patches: AbstractContextManager[object],
) -> Callable[[], AbstractContextManager[object]]:
    """A mistake that is these patches together."""

    @contextmanager
    def made() -> Iterator[None]:
        with ExitStack() as stack:
            for each in patches:
                stack.enter_context(each)
            yield

    return made
