# SPDX-License-Identifier: Apache-2.0
"""The commands of the toolbox and where they are: ``module:name``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TOOLBOX: Mapping[str, str] = MappingProxyType(
    {
        "audit": "deidgate.cli.audit_commands:audit",
        "blank": "deidgate.cli.picture_commands:blank",
        "convert": "deidgate.cli.convert_commands:convert",
        "crop": "deidgate.cli.picture_commands:crop",
        "dicomdir": "deidgate.cli.dicomdir_commands:dicomdir",
        "echo": "deidgate.cli.network_commands:echo",
        "edit": "deidgate.cli.edit_commands:edit",
        "explain": "deidgate.cli.explain_commands:explain",
        "export": "deidgate.cli.export_commands:export",
        "mapping": "deidgate.cli.mapping_commands:mapping",
        "overlay": "deidgate.cli.picture_commands:overlay",
        "policy": "deidgate.cli.policy_commands:policy",
        "pull": "deidgate.cli.network_commands:pull",
        "query": "deidgate.cli.network_commands:query",
        "receive": "deidgate.cli.network_commands:receive",
        "recover": "deidgate.cli.recover_commands:recover",
        "redact-pdf": "deidgate.cli.form_commands:redact_pdf",
        "run": "deidgate.cli.run_commands:run",
        "select": "deidgate.cli.select_commands:select",
        "send": "deidgate.cli.send_commands:send",
        "serve": "deidgate.cli.serve_commands:serve",
        "show": "deidgate.cli.show_commands:show",
        "split": "deidgate.cli.split_commands:split",
        "standard": "deidgate.cli.standard_commands:standard",
        "verify": "deidgate.cli.verify_commands:verify",
    }
)
