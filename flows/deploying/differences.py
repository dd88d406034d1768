"""How what a server holds differs from what an inventory wants."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from flows.deploying.fields import Fields

_ABSENT = object()
_LONG = {"form"}  # a schema of several hundred lines says nothing to a reader


@dataclass(frozen=True, slots=True)
class Difference:
    """One field.

    Attributes:
        held, wanted: None also where the field is not there.
    """

    field: str
    held: Any
    wanted: Any


@dataclass(frozen=True, slots=True)
class Change:
    """One object of the server.

    Attributes:
        kind: what it is, such as `deployment` or `queue`.
        fields: those that differ; all that are wanted for one that is made.
    """

    does: Literal["create", "change", "remove"]
    kind: str
    name: str
    fields: tuple[Difference, ...] = ()

    def document(self) -> dict[str, Any]:
        """As the command's JSON holds it."""
        return asdict(self) | {"fields": [asdict(field) for field in self.fields]}

    def lines(self) -> list[str]:
        """As a person reads it."""
        sign = {"create": "+", "change": "~", "remove": "-"}[self.does]
        lines = [f"{sign} {self.does} {self.kind} {self.name}"]
        for field in self.fields:
            if self.does == "create":
                lines.append(f"    {field.field}: {_shown(field.wanted)}")
            else:
                lines.append(f"    {field.field}: {_shown(field.held)} -> {_shown(field.wanted)}")
        return lines


def compare(
    kind: str, held: Mapping[str, Fields], wanted: Mapping[str, Fields], removable: Iterable[str]
) -> list[Change]:
    """Every change that makes `held` what is wanted, in the order of names.

    Args:
        held, wanted: fields by the object's name.
        removable: names of those that go if nobody wants them.
    """
    changes = [Change("remove", kind, name) for name in sorted(set(removable) - set(wanted))]
    for name in sorted(wanted):
        if name not in held:
            fields = [Difference(field, None, _told(field, value)) for field, value in wanted[name].items()]
            changes.append(Change("create", kind, name, tuple(fields)))
        elif fields := _differing(held[name], wanted[name]):
            changes.append(Change("change", kind, name, tuple(fields)))
    return changes


def _differing(held: Fields, wanted: Fields) -> list[Difference]:
    names = dict.fromkeys([*wanted, *held])
    return [
        Difference(name, _told(name, held.get(name), "another version"), _told(name, wanted.get(name), "this version"))
        for name in names
        if held.get(name, _ABSENT) != wanted.get(name, _ABSENT)
    ]


def _told(field: str, value: Any, version: str = "this version") -> Any:
    return version if field in _LONG else value


def _shown(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value) or "none"
    return "none" if value is None else str(value)
