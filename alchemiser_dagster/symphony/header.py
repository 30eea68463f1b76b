"""`(defsymphony TITLE HEADER BODY)`: the frame around a strategy, and when it trades."""

from __future__ import annotations

from typing import Final

from alchemiser_dagster.symphony.reader import Form, Kind, SourceText
from alchemiser_dagster.symphony.rebalancing import Frequency, Rebalancing

ASSET_CLASS: Final = "asset-class"
FREQUENCY: Final = "rebalance-frequency"
THRESHOLD: Final = "rebalance-threshold"
KEYS: Final = (ASSET_CLASS, FREQUENCY, THRESHOLD)


def read_frame(source: SourceText, form: Form) -> tuple[str, Rebalancing, Form]:
    """Title, schedule and body of a document."""
    if form.head != "defsymphony":
        source.fail(form.offset, f"expected (defsymphony ...), was {form.head or form.kind}")
    if len(form.items) != 4:
        source.fail(
            form.offset,
            f"expected (defsymphony TITLE HEADER BODY), was {len(form.items) - 1} forms",
        )
    title, header, body = form.items[1:]
    if title.kind is not Kind.STRING:
        source.fail(title.offset, f"expected the title in quotes, was a {title.kind}")
    if body.kind is not Kind.LIST:
        source.fail(
            body.offset, f"expected one weight, filter, if, group or asset, was {body.kind}"
        )
    return title.text, _rebalancing(source, header), body


def _rebalancing(source: SourceText, header: Form) -> Rebalancing:
    if header.kind is not Kind.MAP:
        source.fail(header.offset, f"expected the header as a map {{...}}, was {header.kind}")
    entries: dict[str, Form] = {}
    for key, value in zip(header.items[::2], header.items[1::2], strict=True):
        if key.kind is not Kind.KEYWORD or key.text not in KEYS:
            known = ", ".join(f":{name}" for name in KEYS)
            source.fail(key.offset, f"expected one of {known}, was {key.text or key.kind}")
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
