"""The grammar of filters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneroster import entities, filters
from oneroster.filters import BadFilter


def clauses(text):
    found = filters.parse(text, entities.USERS)
    return [(clause.name, clause.predicate, clause.value) for clause in found.clauses], found.either


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("status='active'", [("status", "=", "active")]),
        ("givenName>='a'", [("givenName", ">=", "a")]),
        ("givenName!=''", [("givenName", "!=", "")]),
        ("givenName='' AND status='x'", [("givenName", "=", ""), ("status", "=", "x")]),
        ("familyName='O'Brien'", [("familyName", "=", "O'Brien")]),
        ("familyName='O''Brien'", [("familyName", "=", "O'Brien")]),
        ("familyName='the Jones' house'", [("familyName", "=", "the Jones' house")]),
        ("familyName=''''", [("familyName", "=", "'")]),
        ("familyName='Jones'''", [("familyName", "=", "Jones'")]),
        ("familyName='a AND b' AND status='x'", [("familyName", "=", "a AND b"), ("status", "=", "x")]),
        ("userProfiles.credentials.type~'x'", [("userProfiles.credentials.type", "~", "x")]),
    ],
)
def test_quotes_are_read_first(text, expected):
    assert clauses(text)[0] == expected


def test_clauses_share_one_operator():
    assert clauses("status='a' OR status='b' OR status='c'")[1]
    assert not clauses("status='a' AND status='b'")[1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "status",
        "status=active",
        "status=active'",
        "status='active",
        "status = 'active'",
        "status=='active'",
        "status='a' and status='b'",
        "status='a'  AND status='b'",
        "status='a' AND",
        "status='a' AND ",
        " status='a'",
        "status='a',status='b'",
        "status='a' AND status='b' OR status='c'",
        "status='a' XOR status='b'",
        "Status='a'",
        "roles='a'",
        "roles.nothing='a'",
        "status.x='a'",
        "metadata='a'",
        "primaryOrg.name='a'",
        ".status='a'",
        "status.='a'",
        " AND ".join(["status='a'"] * 21),
    ],
)
def test_what_is_no_filter_is_refused(text):
    with pytest.raises(BadFilter):
        filters.parse(text, entities.USERS)


@given(st.text(alphabet="ab' ANDOR=", max_size=12).filter(lambda text: "\x00" not in text))
def test_a_value_with_its_quotes_doubled_comes_back(value):
    assert clauses("givenName='" + value.replace("'", "''") + "'") == ([("givenName", "=", value)], False)


@given(st.text(alphabet="status.roles'=<>!~ANDOR \x00é", max_size=40))
def test_nonsense_is_only_ever_a_bad_filter(text):
    try:
        filters.parse(text, entities.USERS)
    except BadFilter:
        return
