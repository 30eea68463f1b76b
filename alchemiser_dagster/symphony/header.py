"""`(defsymphony TITLE HEADER BODY)`: the frame around a strategy, and when it trades."""

from __future__ import annotations

from typing import Final

from alchemiser_dagster.symphony.reader import Form, Kind, SourceText
from alchemiser_dagster.symphony.rebalancing import Frequency, Rebalancing
from alchemiser_dagster.symphony.terms import Term, Vector, describe

ASSET_CLASS: Final = "asset-class"
FREQUENCY: Final = "rebalance-frequency"
THRESHOLD: Final = "rebalance-threshold"
KEYS: Final = (ASSET_CLASS, FREQUENCY, THRESHOLD)


def read_frame(source: SourceText, document: Term) -> tuple[str, Rebalancing, Term]:
    """Title, schedule and body of a document. Raises SymphonyValidationError."""
    if not isinstance(document, Form) or document.head != "defsymphony":
        source.fail(document.offset, f"expected (defsymphony ...), was {describe(document)}")
    if len(document.items) != 4:
        source.fail(
            document.offset,
            f"expected (defsymphony TITLE HEADER BODY), was {len(document.items) - 1} forms",
        )
    title, header, body = document.items[1:]
    if not isinstance(title, Form) or title.kind is not Kind.STRING:
        source.fail(title.offset, f"expected the title in quotes, was {describe(title)}")
    if not isinstance(header, Form) or header.kind is not Kind.MAP:
        source.fail(header.offset, f"expected the header as a map, was {describe(header)}")
    if isinstance(body, Vector):
        source.fail(body.offset, "expected one weight, filter, if, group or asset, was a vector")
    return title.text, _rebalancing(source, header), body


def _rebalancing(source: SourceText, header: Form) -> Rebalancing:
    entries: dict[str, Form] = {}
    for key, value in zip(header.items[::2], header.items[1::2], strict=True):
        if not isinstance(key, Form) or key.kind is not Kind.KEYWORD or key.text not in KEYS:
            known = ", ".join(f":{name}" for name in KEYS)
            source.fail(key.offset, f"expected one of {known}, was {describe(key)}")
        if not isinstance(value, Form):
            source.fail(value.offset, f"expected a value for :{key.text}, was {describe(value)}")
        entries[key.text] = value
    asset_class = entries.get(ASSET_CLASS)
    if asset_class is not None and asset_class.text != "EQUITIES":
        source.fail(asset_class.offset, f'expected "EQUITIES", was {asset_class.text!r}')
    frequency, threshold = entries.get(FREQUENCY), entries.get(THRESHOLD)
    if frequency is not None and threshold is not None:
        source.fail(threshold.offset, "expected a frequency or a threshold, was both")
    if threshold is not None:
        if threshold.kind is not Kind.NUMBER or not 0 < threshold.number < 1:
            was = threshold.text or threshold.kind
            source.fail(threshold.offset, f"expected a threshold between 0 and 1, was {was}")
        return Rebalancing(frequency=None, threshold=threshold.number)
    if frequency is not None:
        if frequency.kind not in (Kind.KEYWORD, Kind.STRING) or frequency.text not in set(
            Frequency
        ):
            allowed = ", ".join(f":{name}" for name in Frequency)
            was = frequency.text or frequency.kind
            source.fail(frequency.offset, f"expected one of {allowed}, was {was}")
        return Rebalancing(frequency=Frequency(frequency.text))
    return Rebalancing()
