"""The many: people and groups that a rehearsal of a given size has beside Contoso's own, drawn by its seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from rehearsal.contoso import names, people
from rehearsal.contoso.awkward import awkward_names
from rehearsal.contoso.cloud_groups import every_group
from rehearsal.contoso.people import STAFF, Origin, Person, everyone, of_origin
from rehearsal.contoso.size import Size
from rehearsal.contoso.specification import GroupSpecification, Kind, Writer

_GIVEN = (*people.GIVEN, "Дмитрий", "Ελένη", "美咲", "محمد", "יעל", "Nguyễn")
_SURNAMES = (*people.SURNAMES, "Иванова", "Παπαδόπουλος", "山田", "الحسن", "כהן", "D'Angelo-Ó Briain")
"""59 and 67: no common divisor, so 3,953 pairs before a middle initial has to tell two people apart."""
_SUBJECTS = (
    *("Sales", "Budget 2027", "Onboarding", "Legal & Compliance", "Vertrieb Süd", "Qualitätssicherung", "Prüfstelle"),
    *("Comité d’entreprise", "Équipe Achats", "Ingeniería de procesos", "Atención al cliente", "Łączność i logistyka"),
    *("Отдел продаж", "Οικονομικά", "営業部", "开发团队", "فريق الدعم", "צוות פיתוח", "Thiết kế", "R&D <Labs>"),
)
_PLACES = ("Berlin", "Lyon", "Madrid", "Seattle", "Warszawa", "大阪", "Zürich", "São Paulo", "Kyiv", "Αθήνα", "EMEA")
_KINDS = (
    (35, Kind.UNIFIED, Writer.NOBODY),
    (4, Kind.UNIFIED, Writer.CONNECT),
    (25, Kind.SECURITY, Writer.SYNCHRONIZED),
    (20, Kind.SECURITY, Writer.NOBODY),
    (3, Kind.SECURITY, Writer.CLOUD_SYNC),
    (5, Kind.MAIL_SECURITY, Writer.SYNCHRONIZED),
    (3, Kind.DISTRIBUTION, Writer.SYNCHRONIZED),
    (5, Kind.DISTRIBUTION, Writer.NOBODY),
)
"""Shares in percent."""
_AWKWARD_EVERY, _EMPTY_EVERY, _NESTING_EVERY = 40, 25, 6
LARGEST = 5500
"""Members of the largest group, where there are enough people and memberships."""
_ORIGINS = ((90, Origin.SYNCHRONIZED), (4, Origin.CLOUD_ONLY), (6, Origin.GUEST))


@dataclass(frozen=True)
class Crowd:
    """Beside Contoso's own: people, cloud groups, and groups that only AD has. Members stand before their groups.

    ``left_out`` are keys of Contoso's own people that a smaller company does not have.
    """

    people: tuple[Person, ...] = ()
    groups: tuple[GroupSpecification, ...] = ()
    local_groups: tuple[GroupSpecification, ...] = ()
    left_out: frozenset[str] = frozenset()

    def everybody(self) -> Iterator[Person]:
        """Contoso's own people and these."""
        return (person for person in (*everyone(), *self.people) if person.key not in self.left_out)

    def of(self, group: GroupSpecification) -> tuple[str, ...]:
        """Members of a group, without those who are left out."""
        return tuple(key for key in group.members if key not in self.left_out)


NOBODY = Crowd()


def needed_staff() -> frozenset[str]:
    """Keys of the ordinary staff whom a group needs, the one of everybody aside: the stories are about them."""
    groups = [group for group in every_group() if group.name != names.LARGE_GROUP]
    named = {key for group in groups for key in (*group.members, *group.owners)}
    return frozenset(named & {person.key for person in of_origin(Origin.SYNCHRONIZED)})


def crowd_of(size: Size | None, *, administrators: int, ordinary: int = STAFF) -> Crowd:
    """What is missing to ``size``; nobody for None. ``administrators`` are users that come on top of the people.

    ``ordinary`` is the number of Contoso's ordinary people where there is no ``size``; those that a group needs stay.
    """
    if size is None:
        needed = needed_staff()
        spare = [person.key for person in of_origin(Origin.SYNCHRONIZED) if person.key not in needed]
        left_out = frozenset(spare[max(0, ordinary - len(needed)) :])
        return Crowd(left_out=left_out) if left_out else NOBODY
    draw = random.Random(f"contoso {size.seed}")  # noqa: S311 - a made-up company, no secret
    own = [person for person in everyone() if person.in_cloud]
    newcomers = tuple(_person(draw, index) for index in range(size.users - len(own) - administrators))
    staff = [person for person in (*own, *newcomers) if person.has_account and not person.story]
    everybody = [person.key for person in (*own, *newcomers) if not person.story]
    accounts = [person.key for person in staff]
    live = [group for group in every_group() if not group.deleted]
    count = size.groups - len(live)
    spread = _sizes(draw, count, size.memberships - sum(len(group.members) for group in live), len(everybody) // 2)
    groups = tuple(_groups(draw, spread, everybody, accounts))
    both = [group for group in (*every_group(), *groups) if group.writer is not Writer.NOBODY]
    held = set(accounts)
    mapped = sum(sum(":" in key or key in held for key in group.members) for group in both)
    missing = max(0, size.groups - len(both))
    total = max(0, min(size.memberships - mapped, missing * (len(accounts) // 4)))
    local = _sizes(draw, missing, total, len(accounts) // 2)
    return Crowd(newcomers, groups, tuple(_local(draw, local, accounts)))


def _person(draw: random.Random, index: int) -> Person:
    given, surname = _GIVEN[index % len(_GIVEN)], _SURNAMES[index % len(_SURNAMES)]
    key = f"{people.folded(given)[:7] or 'user'}.{people.folded(surname)[:6] or 'name'}{index + 1}"
    pair = index // (len(_GIVEN) * len(_SURNAMES))
    initials = ascii_uppercase[pair % 26] + (ascii_uppercase[pair // 26] if pair >= 26 else "")
    return Person(
        key=key,
        given_name=f"{given} {initials}.",
        surname=surname,
        origin=draw.choices([origin for _, origin in _ORIGINS], [share for share, _ in _ORIGINS])[0],
        department=draw.choice(people.DEPARTMENTS),
        city=draw.choice(people.CITIES),
        title=draw.choice(people.TITLES),
    )


def _sizes(draw: random.Random, count: int, total: int, most: int) -> list[int]:
    """How many members each of ``count`` groups has: ``total`` in all, a few with very many, some with none."""
    if not count:
        return []
    first = min(LARGEST, most, total // 4)
    weights = [0.0 if index % _EMPTY_EVERY == 7 else draw.paretovariate(1.3) for index in range(1, count)]
    scale = (total - first) / (sum(weights) or 1.0)
    sizes = [first, *(min(most, int(weight * scale)) for weight in weights)]
    at, left = 0, total - sum(sizes)
    while left > 0:  # what rounding and the upper bound took away, one by one to those that have room
        if sizes[at] < most and at % _EMPTY_EVERY != 7:
            sizes[at] += 1
            left -= 1
        at = (at + 1) % count
    return sizes


def _groups(
    draw: random.Random, sizes: Sequence[int], everybody: Sequence[str], accounts: Sequence[str]
) -> Iterator[GroupSpecification]:
    """Cloud groups; the first and largest is on both sides. Security groups of the cloud nest earlier ones."""
    nestable: list[str] = []
    awkward = awkward_names()
    for index, size in enumerate(sizes):
        _, kind, writer = draw.choices(_KINDS, [share for share, _, _ in _KINDS])[0] if index else _KINDS[1]
        key = f"{kind.value.partition('-')[0]}-{index + 1:05}"
        nested = 1 if kind is Kind.SECURITY and writer is not Writer.SYNCHRONIZED and index % _NESTING_EVERY == 0 else 0
        inner = [f"group:{draw.choice(nestable)}"] if nested and nestable and size else []
        source = everybody if writer in (Writer.NOBODY, Writer.CLOUD_SYNC) else accounts
        if writer is Writer.SYNCHRONIZED:  # AD's own rules: one short unambiguous name
            name = f"GG-{draw.choice(people.DEPARTMENTS)}-{draw.choice(_PLACES)}-{index + 1:05}"
        elif index % _AWKWARD_EVERY == 3:
            name = awkward[index // _AWKWARD_EVERY % len(awkward)]
        else:
            name = f"{draw.choice(_SUBJECTS)} – {draw.choice(_PLACES)} {index + 1}"
        unified = kind is Kind.UNIFIED
        yield GroupSpecification(
            key,
            name if index else "Everyone at Contoso",
            kind,
            members=(*inner, *draw.sample(source, size - len(inner))),
            owners=(draw.choice(accounts),) if writer is not Writer.SYNCHRONIZED else (),
            description=f"{name}: since 2024" if index % 3 else None,
            visibility=draw.choice(("Private", "Private", "Public")) if unified else None,
            security_enabled=unified and index % 50 == 11,
            writer=writer,
        )
        if kind is Kind.SECURITY:
            nestable.append(key)


def _local(draw: random.Random, sizes: Sequence[int], accounts: Sequence[str]) -> Iterator[GroupSpecification]:
    """Groups that Connect does not synchronize: shares, printers, applications."""
    for index, size in enumerate(sizes):
        what = draw.choice(("Share", "Printer", "App", "Server"))
        name = f"LG-{what}-{draw.choice(people.DEPARTMENTS)}-{index + 1:05}"
        members = tuple(draw.sample(accounts, size))
        yield GroupSpecification(f"local-{index + 1:05}", name, Kind.SECURITY, members=members, writer=Writer.NOBODY)
