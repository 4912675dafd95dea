# SPDX-License-Identifier: Apache-2.0
"""From a line of the configuration to what sends."""

from __future__ import annotations

from deidgate.destinations.folder import FolderSender
from deidgate.destinations.node import NodeSender
from deidgate.destinations.sender import Sender
from deidgate.destinations.stow import StowSender
from deidgate.policy.destinations import Destination, DicomNode, DicomWeb, Folder


def sender_of(destination: Destination) -> Sender:
    """What sends to `destination`.

    Raises
    ------
    ConfigurationError
        A file that it names cannot be read, or its port is taken.
    """
    match destination.place:
        case DicomNode() as place:
            return NodeSender(place, destination.timeout_s)
        case DicomWeb() as place:
            return StowSender(place, destination.timeout_s)
        case Folder(path):
            return FolderSender(path)
