"""Contoso's people: staff with accounts on both sides, cloud-only users, guests, and a few with a story."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import Enum
from functools import cache

from rehearsal.contoso import names


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


GIVEN = _words(
    """
    Aaliyah Ada Adrián Aiko Ana Andrzej Anouk Ayşe Beatriz Björn Camille Chidi Chloé Dagmar Daniel Élodie Emre
    Fatima Felix Giulia Grace Hana Henrik Ingrid Isabel Jamal Jürgen Kateřina Kofi Lars Leïla Łucja Magdalena
    Marek Mei Miguel Nadia Niamh Olga Oscar Paloma Priya Quentin Rania René Sakura Søren Tamar Tomás Ugo Vera Wei
    Zoë
    """
)
SURNAMES = _words(
    """
    Abbott Adeyemi Almeida Andersson Arnaud Bailey Bakker Becker Błaszczyk Brandt Carvalho Castillo Chen Colombo
    Costa Dubois Eriksen Fernández Fischer Gallagher García Girard González Haddad Hansen Herrera Hoffmann Ibrahim
    Iwasaki Jansen Johnson Kaplan Khan Kowalska Krüger Lefèvre Lindqvist López Martin Meyer Moreau Müller Nakamura
    Nguyen Novák Nuñez O'Brien Okafor Öztürk Patel Petrović Rossi Sánchez Schäfer Silva Smith Suzuki Tanaka
    Virtanen Weiß Yılmaz
    """
)
DEPARTMENTS = ("Sales", "Marketing", "Engineering", "Finance", "Human Resources", "Legal", "Operations", "Support")
CITIES = ("Berlin", "Lyon", "Madrid", "Seattle", "Warsaw", "Osaka")
TITLES = ("Specialist", "Manager", "Analyst", "Consultant", "Engineer")

STAFF = 2110
"""Ordinary synchronized people. With the people of a story and the unsynchronized ones OU=Staff holds about 2,150."""
UNSYNCHRONIZED = 36
CLOUD_ONLY = 24
GUESTS = 18

_FOLDED = str.maketrans({"ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "ı": "i", "'": ""})


class Origin(Enum):
    """Where an identity lives."""

    SYNCHRONIZED = "synchronized"
    DIRECTORY_ONLY = "directory-only"
    CLOUD_ONLY = "cloud-only"
    GUEST = "guest"


@dataclass(frozen=True, slots=True)
class Person:
    """One human being. ``key`` is the account name in AD, or the alias where there is no account."""

    key: str
    given_name: str
    surname: str
    origin: Origin
    department: str
    city: str
    title: str
    story: str = ""
    """Empty, or why this person is not like the others; one of the constants of ``names``."""

    @property
    def display_name(self) -> str:
        """Given name and surname."""
        return f"{self.given_name} {self.surname}"

    @property
    def user_principal_name(self) -> str:
        """Sign-in name; a guest's carries the home address in Microsoft's spelling."""
        if self.origin is Origin.GUEST:
            return f"{self.key}_fabrikam.example#EXT#@{names.INITIAL_DOMAIN}"
        if self.origin is Origin.CLOUD_ONLY:
            return f"{self.key}@{names.INITIAL_DOMAIN}"
        return f"{self.key}@{names.MAIL_DOMAIN}"

    @property
    def mail(self) -> str:
        """Primary address."""
        domain = "fabrikam.example" if self.origin is Origin.GUEST else names.MAIL_DOMAIN
        return f"{self.key}@{domain}"

    @property
    def has_account(self) -> bool:
        """Whether AD holds an account (a vanished one no longer does)."""
        in_directory = self.origin in (Origin.SYNCHRONIZED, Origin.DIRECTORY_ONLY)
        return (in_directory and self.story != names.VANISHED_USER) or self.story == names.PROVISIONED_USER

    @property
    def in_cloud(self) -> bool:
        """Whether the tenant has a user."""
        return self.origin is not Origin.DIRECTORY_ONLY


def folded(text: str) -> str:
    """Lower-case ASCII letters of a name, as account names have them."""
    plain = unicodedata.normalize("NFKD", text.translate(_FOLDED))
    return "".join(char for char in plain if char.isascii()).lower()


def _numbered(index: int, origin: Origin) -> Person:
    # The list lengths have no common divisor, so the first 53 * 61 pairs differ.
    given, surname = GIVEN[index % len(GIVEN)], SURNAMES[index % len(SURNAMES)]
    return Person(
        # Account names in AD have at most 20 characters.
        key=f"{folded(given)}.{folded(surname)}"[:20],
        given_name=given,
        surname=surname,
        origin=origin,
        department=DEPARTMENTS[index % len(DEPARTMENTS)],
        city=CITIES[index % len(CITIES)],
        title=TITLES[index % len(TITLES)],
    )


def _with_story(key: str, given: str, surname: str, origin: Origin = Origin.SYNCHRONIZED) -> Person:
    return Person(key, given, surname, origin, "Operations", "Berlin", "Specialist", story=key)


@cache
def everyone() -> tuple[Person, ...]:
    """All people, staff first, in a fixed order."""
    counts = (
        (STAFF, Origin.SYNCHRONIZED),
        (UNSYNCHRONIZED, Origin.DIRECTORY_ONLY),
        (CLOUD_ONLY, Origin.CLOUD_ONLY),
        (GUESTS, Origin.GUEST),
    )
    people: list[Person] = []
    for count, origin in counts:
        people += [_numbered(index, origin) for index in range(len(people), len(people) + count)]
    people += [
        _with_story(names.STALE_DN_USER, "Stella", "Moved"),
        _with_story(names.SID_ONLY_USER, "Sid", "Vicente"),
        _with_story(names.MIGRATED_USER, "Mig", "Ration"),
        _with_story(names.CONVERTED_USER, "Connie", "Vertida"),
        _with_story(names.VANISHED_USER, "Van", "Ished"),
        _with_story(names.PROVISIONED_USER, "Clara", "Synced", Origin.CLOUD_ONLY),
    ]
    return tuple(people)


def of_origin(origin: Origin) -> tuple[Person, ...]:
    """People without a story of one origin, in the fixed order."""
    return tuple(person for person in everyone() if person.origin is origin and not person.story)
