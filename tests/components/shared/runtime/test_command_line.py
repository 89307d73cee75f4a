import logging

import pytest
import typer

from components.shared.runtime.command_line import BAD_INPUT, FAILED_CHECK, run


def status_of(monkeypatch, raised: BaseException | None, *arguments: str) -> int:
    app = typer.Typer()

    @app.command()
    def work() -> None:
        if raised is not None:
            raise raised

    monkeypatch.setattr("sys.argv", ["work", *arguments])
    monkeypatch.delenv("PLUSZERO_DEBUG", raising=False)
    with pytest.raises(SystemExit) as caught:
        run(app)
    return int(caught.value.code or 0)


def test_a_command_that_worked_exits_0(monkeypatch):
    assert status_of(monkeypatch, None) == 0


def test_a_failed_check_exits_1(monkeypatch):
    assert status_of(monkeypatch, typer.Exit(FAILED_CHECK)) == 1


@pytest.mark.parametrize("error", [ValueError("size must be 1"), FileNotFoundError("no such table"), TypeError("bad")])
def test_a_users_mistake_exits_2_with_one_sentence(monkeypatch, capsys, error):
    assert status_of(monkeypatch, error) == BAD_INPUT
    captured = capsys.readouterr()
    assert captured.err == f"error: {error}\n"
    assert captured.out == ""


def test_an_error_of_the_system_names_the_file_first(monkeypatch, capsys, tmp_path):
    with pytest.raises(IsADirectoryError) as caught:
        tmp_path.open("rb")
    assert status_of(monkeypatch, caught.value) == BAD_INPUT
    assert capsys.readouterr().err == f"error: {tmp_path} can be neither read nor written: Is a directory\n"


def test_an_unknown_option_exits_2(monkeypatch):
    assert status_of(monkeypatch, None, "--wrong") == 2


def test_our_own_mistakes_keep_their_traceback(monkeypatch):
    with pytest.raises(ZeroDivisionError):
        status_of(monkeypatch, ZeroDivisionError())


def test_debugging_shows_the_traceback(monkeypatch):
    app = typer.Typer()

    @app.command()
    def work() -> None:
        raise ValueError("size must be 1")

    monkeypatch.setattr("sys.argv", ["work"])
    monkeypatch.setenv("PLUSZERO_DEBUG", "1")
    with pytest.raises(ValueError, match="size must be 1"):
        run(app)


def test_an_error_and_what_is_logged_are_masked(monkeypatch, capsys):
    app = typer.Typer()

    @app.command()
    def work() -> None:
        logging.getLogger().info("reading %s", "https://user:pw@host/x")
        raise ValueError("a phone must be a number, got '010-1234-5678'")

    monkeypatch.setattr("sys.argv", ["work"])
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    with pytest.raises(SystemExit):
        run(app)
    shown = capsys.readouterr().err
    assert shown == "reading https://<secret>@host/x\nerror: a phone must be a number, got '<phone>'\n"
