"""Turning the broker's records into JSON text and back, without losing a digit.

Decimals become strings and moments ISO 8601; the types of the dataclass say how to read them.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

Record = TypeVar("Record")


def _written(value: object) -> object:
    if dataclasses.is_dataclass(value):
        return fields_of(value)
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"expected a Decimal, a date or a moment, was {type(value).__name__}")


def fields_of(record: object) -> dict[str, object]:
    """The fields of a dataclass instance, one level deep."""
    assert dataclasses.is_dataclass(record)
    return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}


def dump(record: object) -> str:
    """A dataclass instance, or a mapping, as JSON text with sorted keys."""
    value = fields_of(record) if dataclasses.is_dataclass(record) else record
    return json.dumps(value, default=_written, sort_keys=True, separators=(",", ":"))


_READERS: dict[type[object], Mapping[str, Callable[[Any], Any]]] = {}


def _readers(kind: type[object]) -> Mapping[str, Callable[[Any], Any]]:
    """How to read each field of `kind` that JSON has no type for, worked out once."""
    if kind not in _READERS:
        _READERS[kind] = _work_out_readers(kind)
    return _READERS[kind]


def _work_out_readers(kind: type[object]) -> Mapping[str, Callable[[Any], Any]]:
    readers: dict[str, Callable[[Any], Any]] = {}
    for name, hint in get_type_hints(kind).items():
        types = (hint, *get_args(hint))
        if get_origin(hint) is tuple:
            readers[name] = tuple
            continue
        if Decimal in types:
            readers[name] = Decimal
        elif datetime in types:
            readers[name] = datetime.fromisoformat
        elif date in types:
            readers[name] = date.fromisoformat
    return readers


def load(kind: type[Record], text: str) -> Record:
    """The instance of the dataclass `kind` that `dump` wrote as `text`."""
    values = json.loads(text)
    for name, read in _readers(kind).items():
        if values.get(name) is not None:
            values[name] = read(values[name])
    return kind(**values)
