# SPDX-License-Identifier: Apache-2.0
"""The five commands of the network are spelled alike, and end with the codes that the documentation lists."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from tests.data.toolbox_series import ct, encoded

from deidgate.cli import main
from deidgate.cli.network_commands import echo, pull, query, receive
from deidgate.cli.send_commands import send
from deidgate.dimse.query import Pulled
from deidgate.dimse.send import Sent


@pytest.mark.parametrize("command", [echo, pull, query, receive, send], ids=lambda command: command.name)
@pytest.mark.parametrize("option", ["--tls-cert", "--tls-key", "--cert", "--ca"])
def test_our_certificate_is_named_alike_in_every_command(command, option):
    assert option in {spelled for parameter in command.params for spelled in parameter.opts}


@pytest.mark.parametrize("option", ["--aet", "--called"])
@pytest.mark.parametrize("command", ["echo", "query", "send"])
def test_what_is_no_ae_title_is_a_wrong_command_line(tmp_path, command, option):
    more = [str(tmp_path)] if command == "send" else []
    for title in ("SEVENTEEN_LETTERS", "A\\B", "   ", "Ä"):
        done = CliRunner().invoke(main, [command, "localhost", "104", *more, option, title])
        assert done.exit_code == 2, title


def pulled(tmp_path, monkeypatch, completed, *words):
    """The end of a pull from a PACS that sends so many instances, and how the receiver was made to listen."""
    listened = []

    def listens(_inbox, aet, _address, tls=None, *, called_only=False):
        listened.append((aet, tls, called_only))
        return SimpleNamespace(shutdown=lambda: None)

    monkeypatch.setattr("deidgate.dimse.receive.serve", listens)
    for name in ("move", "get"):
        monkeypatch.setattr(f"deidgate.dimse.query.{name}", lambda *_: Pulled(completed, 0, 0, 0))
    for name in ("client", "server"):
        monkeypatch.setattr(f"deidgate.dimse.tls.{name}_context", lambda files, name=name: (name, files.certificate))
    done = CliRunner().invoke(main, ["pull", "localhost", "104", str(tmp_path / "in"), "--study", "1.2", *words])
    return done.exit_code, listened


@pytest.mark.parametrize(("completed", "status"), [(2, 0), (0, 3)])
def test_a_study_that_the_pacs_does_not_have_is_not_all(tmp_path, monkeypatch, completed, status):
    assert pulled(tmp_path, monkeypatch, completed) == (status, [])


def test_what_is_moved_comes_as_it_was_asked_for_and_to_us_alone(tmp_path, monkeypatch):
    assert pulled(tmp_path, monkeypatch, 1, "--move", "--aet", "ME") == (0, [("ME", None, True)])
    over_tls = ("--move", "--tls", "--tls-cert", "me.pem", "--tls-key", "me.key")
    status, [(_, context, only_us)] = pulled(tmp_path, monkeypatch, 1, *over_tls)
    assert (status, context, only_us) == (0, ("server", Path("me.pem")), True)


@pytest.mark.parametrize(
    ("codes", "status"),
    [(("sent", "sent"), 0), (("sent", "refused"), 3), (("refused", "refused"), 1), (("sent", "not-dicom"), 0)],
)
def test_sending_ends_with_3_where_some_files_were_taken_and_others_not(tmp_path, monkeypatch, codes, status):
    (tmp_path / "IM1").write_bytes(encoded(ct(rows=8)))

    def dispatch(peer, paths, effort, tell, context):
        for code in codes:
            tell(Sent(paths[0], None, code))

    monkeypatch.setattr("deidgate.dimse.dispatch.dispatch", dispatch)
    assert CliRunner().invoke(main, ["send", "localhost", "104", str(tmp_path / "IM1")]).exit_code == status
