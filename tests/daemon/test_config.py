"""Settings: which source wins, and what is refused."""

from pathlib import Path

import msgspec
import pytest

from daemon import config


def written(folder: Path, text: str) -> Path:
    file = folder / "rosterhub.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_defaults_are_those_of_the_design(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "FILE", Path("/nonexistent"))
    settings = config.load(None, None, {})
    assert settings.state == config.default_state()
    assert (settings.api.listen, settings.api.workers) == ("127.0.0.1:8080", 1)
    assert (settings.health.listen, settings.sftp.listen) == ("127.0.0.1:8081", "127.0.0.1:2222")
    assert (settings.doors.settle, settings.doors.scan, settings.database.url) == (2.0, 5.0, "")


def test_a_flag_beats_a_variable_beats_the_file_beats_the_default(tmp_path: Path) -> None:
    file = written(tmp_path, 'state = "/file"\n[api]\nlisten = "127.0.0.1:1"\nworkers = 2\n[doors]\nsettle = 1\n')
    environ = {"ROSTERHUB_STATE": "/variable", "ROSTERHUB_API_WORKERS": "3", "ROSTERHUB_CONFIG": str(file)}
    settings = config.load(None, Path("/flag"), environ)
    assert settings.state == Path("/flag")
    assert (settings.api.workers, settings.api.listen) == (3, "127.0.0.1:1")
    assert (settings.doors.settle, settings.doors.scan) == (1.0, 5.0)
    assert config.load(None, None, environ).state == Path("/variable")
    assert config.load(file, None, {"ROSTERHUB_CONFIG": "/nonexistent"}).state == Path("/file")


def test_every_variable_names_a_setting() -> None:
    known = list(config._names(config.Settings))
    assert [name for name in config.VARIABLES.values() if name not in known] == []


def test_an_empty_sftp_address_turns_it_off() -> None:
    assert config.load(None, Path("/x"), {"ROSTERHUB_SFTP_LISTEN": ""}).sftp.listen == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[api]\nlisen = "x:1"', "no setting api.lisen. Did you mean api.listen?"),
        ('stat = "/x"', "no setting stat. Did you mean state?"),
        ("workers = 2", "no setting workers. Did you mean api.workers?"),
        ("[databse]", "no setting databse. Did you mean database?"),
        ("[api]\nworkers = 'two'", "Expected `int`, got `str` - at `$.api.workers`"),
        ("[api]\nworkers = 0", "Expected `int` >= 1"),
        ("api = 1", "Expected `object`, got `int` - at `$.api`"),
        ('state = ""', "Expected a path, got nothing"),
        ('[api]\nlisten = "8080"', "'8080' is not HOST:PORT"),
        ('[api]\nlisten = ""', "'' is not HOST:PORT"),
        ('[sftp]\nlisten = "h:65536"', "'h:65536' is not HOST:PORT"),
        ('[sftp]\nlisten = "::1:22"', "'::1:22' is not HOST:PORT"),
        ('[api]\ntls_key = "/key"', "go together"),
        ('[api]\npublic_url = "roster.example.jp"', "begins with https://"),
        ("state = ", "Invalid value (at end of document)"),
    ],
)
def test_what_is_wrong_in_the_file_is_refused_with_a_suggestion(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(config.Misconfigured) as refusal:
        config.load(written(tmp_path, text), None, {})
    assert says in str(refusal.value)
    assert refusal.value.exit_code == 78


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"ROSTERHUB_DATABASE_URI": "x"}, "no variable ROSTERHUB_DATABASE_URI. Did you mean ROSTERHUB_DATABASE_URL?"),
        ({"ROSTERHUB_API_WORKERS": "many"}, "ROSTERHUB_API_WORKERS must be a number, not 'many'."),
        ({"ROSTERHUB_CONFIG": "/nonexistent.toml"}, "/nonexistent.toml: No such file or directory."),
    ],
)
def test_a_wrong_variable_is_refused_with_a_suggestion(environ: dict[str, str], says: str) -> None:
    with pytest.raises(config.Misconfigured) as refusal:
        config.load(None, None, environ)
    assert says in str(refusal.value)


def test_settings_survive_the_way_to_a_child() -> None:
    settings = config.load(None, Path("/x"), {"ROSTERHUB_DATABASE_URL": "postgresql://u:secret@h/d"})
    assert config.decode(config.encode(settings), config.Settings) == settings


def test_the_password_of_the_database_is_not_shown() -> None:
    settings = config.load(None, Path("/x"), {"ROSTERHUB_DATABASE_URL": "postgresql://u:secret@h/d"})
    assert "secret" not in repr(settings)


def test_addresses_are_read() -> None:
    assert config.address("[::1]:80") == ("::1", 80)
    assert config.address(":80") == ("0.0.0.0", 80)
    assert config.address("localhost:0") == ("localhost", 0)


def test_settings_are_frozen() -> None:
    with pytest.raises(AttributeError):
        config.Settings(state=Path("/x")).state = Path("/y")  # type: ignore[misc]
    assert all(kind.__struct_config__.frozen for kind in (config.Api, config.Doors, config.Settings))
    assert issubclass(config.Settings, msgspec.Struct)
