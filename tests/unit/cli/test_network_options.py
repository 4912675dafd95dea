# SPDX-License-Identifier: Apache-2.0
"""The five commands of the network are spelled alike, and end with the codes that the documentation lists."""

import pytest
from click.testing import CliRunner
from tests.data.toolbox_series import ct, encoded

from deidgate.cli import main
from deidgate.cli.network_commands import echo, pull, query, receive
from deidgate.cli.send_commands import send
from deidgate.dimse.send import Sent


@pytest.mark.parametrize("command", [echo, pull, query, receive, send], ids=lambda command: command.name)
@pytest.mark.parametrize("option", ["--tls-cert", "--tls-key", "--cert", "--ca"])
def test_our_certificate_is_named_alike_in_every_command(command, option):
    assert option in {spelled for parameter in command.params for spelled in parameter.opts}


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
