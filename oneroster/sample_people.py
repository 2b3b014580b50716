"""What the cells of a sample say about people: users, their profiles and roles, demographics of pupils.

Rows are dictionaries of column to cell, `metadata.` columns by their key; what is not there is blank.
"""

import datetime
from collections.abc import Iterator

from oneroster import sample_plan, sample_schools, sample_words
from oneroster.sample_plan import Person, Plan
from oneroster.sample_schools import Cells


def users(plan: Plan, japanese: bool) -> Iterator[Cells]:
    for person in sample_plan.people(plan):
        chance, domain = person.digest, "edu.example.jp" if person.part == "pupil" else "example.com"
        if person.changed and not _renamed(person):
            domain = f"new.{domain}"
        cells = _name(person, japanese) | {
            "sourcedId": person.id,
            "enabledUser": "true",
            "username": person.username,
            "email": f"{person.username}@{domain}",
            "agentSourcedIds": ",".join(person.agents),
            "userMasterIdentifier": sample_plan.uuid(chance[::-1].hex()),
            "primaryOrgSourcedId": sample_schools.district_id(plan) if person.heads_district else person.school.id,
            "metadata.jp.homeClass": person.home,
        }
        if person.part == "pupil":
            cells["grades"] = sample_schools.grade_of(person.school, person.grade)
            cells["identifier"] = f"{plan.year}{person.username[1:]}"
        if chance[6] < 90:
            cells["userIds"] = _user_ids(person)
        if person.part == "guardian" or chance[7] < 20:
            cells["phone"] = f"03-0000-{sample_plan.pick(chance, 8, 10_000):04d}"
        if chance[7] < 30:
            cells["sms"] = f"090-0000-{sample_plan.pick(chance, 9, 10_000):04d}"
        if chance[10] < 8:
            cells["pronouns"] = "she/her" if person.girl else "he/him" if chance[11] < 200 else "they/them"
        if not japanese and chance[12] < 5:
            # An exporter that should know better: what receives this must drop it.
            cells["password"] = f"sample-{chance[13:17].hex()}"
        yield cells


def _user_ids(person: Person) -> str:
    ids = [f"{{Koumu:{person.digest[16:20].hex()}}}"]
    if person.digest[6] < 40:
        ids.append(f"{{Google:{person.username}@edu.example.jp}}")
    if person.digest[6] < 15:
        ids.append(f"{{LTI:{person.digest[20:26].hex()}}}")
    return ",".join(ids)


def _renamed(person: Person) -> bool:
    """Of those who change, half have another family name, the others another mail address."""
    return person.changed and person.digest[5] < 128


def _name(person: Person, japanese: bool) -> Cells:
    """Names and readings."""
    chance, families = person.digest, sample_words.FAMILY
    family = families[(person.family + _renamed(person)) % len(families)]
    given_names = sample_words.GIRLS if person.girl else sample_words.BOYS
    given = given_names[sample_plan.pick(chance, 3, len(given_names))]
    cells = {
        "familyName": family.kanji,
        "givenName": given.kanji,
        "metadata.jp.kanaFamilyName": family.kana,
        "metadata.jp.kanaGivenName": given.kana,
    }
    known_as = given.kana if chance[14] < 10 else given.kanji
    if japanese or known_as != given.kanji:
        cells |= {"preferredFamilyName": family.kanji, "preferredGivenName": known_as}
        cells |= {
            "metadata.jp.kanaPreferredFamilyName": family.kana,
            "metadata.jp.kanaPreferredGivenName": given.kana,
        }
    if chance[15] < 6:
        middle = sample_words.MIDDLE[chance[15] % len(sample_words.MIDDLE)]
        cells |= {"middleName": middle, "metadata.jp.kanaMiddleName": middle}
        if chance[14] < 128:
            cells |= {"preferredMiddleName": middle, "metadata.jp.kanaPreferredMiddleName": middle}
    return cells


def _profile_id(plan: Plan, person: Person) -> str:
    """Of the person's account with a vendor; about one in five has one."""
    return "" if person.digest[18] > 51 else sample_plan.identify(plan, f"profile {person.id}")


def profiles(plan: Plan, japanese: bool) -> Iterator[Cells]:
    for person in sample_plan.people(plan):
        id_ = _profile_id(plan, person)
        if id_:
            yield {
                "sourcedId": id_,
                "userSourcedId": person.id,
                "profileType": "学習eポータル",
                "vendorId": "vendor.example.com",
                "applicationId": "default",
                "description": '学習用アカウント"本人用"' if person.digest[19] < 40 else "学習用アカウント",
                "credentialType": "OIDC" if person.digest[19] < 128 else "SAML",
                "username": f"{person.username}@edu.example.jp",
                "password": "" if japanese or person.digest[20] > 20 else f"sample-{person.digest[21:25].hex()}",
            }


def roles(plan: Plan, japanese: bool) -> Iterator[Cells]:
    """A primary role each; who leads is a teacher first and principal second (Japan sheet section 3)."""
    district, begin, last = (
        sample_schools.district_id(plan),
        f"{plan.year}-04-01",
        sample_schools.last_day(plan, japanese),
    )
    for person in sample_plan.people(plan):
        role = {"pupil": "student", "staff": "teacher", "guardian": "guardian"}[person.part]
        if not japanese and person.part == "guardian":
            role = ("parent", "parent", "relative")[person.number]
        cells = {
            "sourcedId": sample_plan.identify(plan, f"role {person.id}"),
            "userSourcedId": person.id,
            "roleType": "primary",
            "role": role,
            "beginDate": begin if person.digest[22] < 200 else "",
            "endDate": last if person.digest[22] < 60 else "",
            "orgSourcedId": person.school.id,
            "userProfileSourcedId": _profile_id(plan, person),
        }
        yield cells
        second = _second_role(person)
        if second:
            yield cells | {
                "sourcedId": sample_plan.identify(plan, f"role {person.id} {second}"),
                "roleType": "secondary",
                "role": second,
            }
        if person.heads_district:
            for role_type, role in (("primary", "teacher"), ("secondary", "districtAdministrator")):
                yield cells | {
                    "sourcedId": sample_plan.identify(plan, f"role {person.id} district {role}"),
                    "roleType": role_type,
                    "role": role,
                    "orgSourcedId": district,
                }


def _second_role(person: Person) -> str:
    if person.part != "staff" or person.number > 1:
        return ""
    return ("principal", "siteAdministrator")[person.number]


def demographics(plan: Plan, japanese: bool) -> Iterator[Cells]:
    """Pupils only; what concerns race is left blank in Japan (Japan sheet section 3)."""
    for person in sample_plan.people(plan):
        if person.part != "pupil":
            continue
        chance = person.digest
        # A school year is one of birth from 2 April on.
        oldest = datetime.date(plan.year - person.school.kind.first_age - person.grade, 4, 2)
        cells = {
            "sourcedId": person.id,
            "birthDate": (oldest + datetime.timedelta(days=sample_plan.pick(chance, 23, 365))).isoformat(),
            "sex": ("unspecified" if chance[25] < 64 else "other") if chance[26] < 4 else _sex(person),
        }
        if not japanese:
            cells |= _origin(chance)
        yield cells


def _sex(person: Person) -> str:
    return "female" if person.girl else "male"


def _origin(chance: bytes) -> Cells:
    races = ("americanIndianOrAlaskaNative", "blackOrAfricanAmerican", "nativeHawaiianOrOtherPacificIslander", "white")
    second = races[chance[24] % 4] if chance[27] < 12 else ""
    return {name: "true" if name == second else "false" for name in races} | {
        "asian": "true",
        "demographicRaceTwoOrMoreRaces": "true" if second else "false",
        "hispanicOrLatinoEthnicity": "true" if chance[27] > 250 else "false",
        "countryOfBirthCode": "US" if second else "JP",
        "stateOfBirthAbbreviation": "CA" if second else f"JP-{chance[25] % 47 + 1:02d}",
        "cityOfBirth": sample_words.CITIES[chance[26] % len(sample_words.CITIES)],
        "publicSchoolResidenceStatus": "01652" if chance[27] < 240 else "",
    }
