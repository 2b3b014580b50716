"""Keys: made once whoever is first, closed to others, and nothing opens with a wrong one or in a wrong place."""

import concurrent.futures
import multiprocessing
import os
import stat
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from sql import seal
from sql.seal import Sealer, WrongKey

MASTER = bytes(range(32))
WRAPPED = seal.new_tenant_key(MASTER)
SEALER = Sealer(MASTER, WRAPPED)


def test_racing_processes_and_threads_make_one_key_between_them(tmp_path: Path) -> None:
    files = [tmp_path / str(number) / "keys" / "master.key" for number in range(10)]
    spawned = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(3, mp_context=spawned) as processes:
        # In turn, so that the processes meet at one file after the other.
        made = list(processes.map(seal.master_key, [file for file in files for _ in range(3)]))
    assert [len(set(made[at : at + 3])) for at in range(0, 30, 3)] == [1] * 10
    assert len(set(made)) == 10
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(seal.master_key, [tmp_path / "one" / "master.key"] * 8))) == 1
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["master.key"]


def test_the_key_is_closed_to_others_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        seal.master_key(tmp_path / "keys" / "master.key")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "keys" / "master.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_the_key_stays_and_a_credential_comes_before_it(tmp_path: Path) -> None:
    file, credential = tmp_path / "master.key", tmp_path / "credential"
    key = seal.master_key(file)
    assert seal.master_key(file, credential) == key
    credential.write_bytes(MASTER)
    assert seal.master_key(file, credential) == MASTER
    assert seal.master_key(tmp_path / "other", credential) == MASTER
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("key", [b"", b"short", bytes(33)])
def test_a_key_of_another_length_is_refused_and_not_replaced(tmp_path: Path, key: bytes) -> None:
    (tmp_path / "master.key").write_bytes(key)
    with pytest.raises(WrongKey):
        seal.master_key(tmp_path / "master.key")
    assert (tmp_path / "master.key").read_bytes() == key


def test_a_wrong_master_key_opens_no_tenant() -> None:
    with pytest.raises(WrongKey):
        Sealer(bytes(32), WRAPPED)
    with pytest.raises(WrongKey):
        Sealer(MASTER, WRAPPED[:-1] + bytes([WRAPPED[-1] ^ 1]))


@given(st.binary(max_size=40), st.text(max_size=8), st.text(max_size=8))
def test_what_is_sealed_opens_in_its_place_and_nowhere_else(plain: bytes, place: str, other: str) -> None:
    sealed = SEALER.seal(place, plain)
    assert SEALER.open(place, sealed) == plain
    assert SEALER.seal(place, plain) != sealed
    if place != other:
        with pytest.raises(InvalidTag):
            SEALER.open(other, sealed)


def test_another_tenants_key_opens_nothing_and_finds_nothing() -> None:
    stranger = Sealer(MASTER, seal.new_tenant_key(MASTER))
    with pytest.raises(InvalidTag):
        stranger.open("users/u1", SEALER.seal("users/u1", b"x"))
    assert stranger.index("email", "x") != SEALER.index("email", "x")
    assert stranger.row("x") != SEALER.row("x")
    assert stranger.file_key != SEALER.file_key


@given(st.text(max_size=8), st.text(max_size=8))
def test_the_index_is_equal_exactly_for_values_that_are_equal_but_for_case(one: str, other: str) -> None:
    assert (SEALER.index("email", one) == SEALER.index("email", other)) == (one.casefold() == other.casefold())
    assert SEALER.index("email", one) != SEALER.index("phone", one)


def test_a_later_start_reads_the_same_index() -> None:
    again = Sealer(MASTER, WRAPPED)
    assert again.index("email", "Taro@Example.JP") == SEALER.index("email", "taro@example.jp")
    assert again.row("x") == SEALER.row("x")


def test_each_purpose_has_a_key_of_its_own() -> None:
    purposes = ["wrap", "values", "index", "rows", "files", "client secret"]
    assert len({seal.derive(MASTER, purpose) for purpose in purposes}) == len(purposes)
    assert seal.secret_hash(MASTER, "a") == seal.secret_hash(MASTER, "a") != seal.secret_hash(bytes(32), "a")


@pytest.mark.parametrize("size", [0, 1, 11, 12, 27])
def test_a_key_that_is_cut_short_is_the_wrong_key(size):
    whole = seal.new_tenant_key(MASTER)
    with pytest.raises(WrongKey):
        Sealer(MASTER, whole[:size])
