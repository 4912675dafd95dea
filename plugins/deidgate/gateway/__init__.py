# SPDX-License-Identifier: Apache-2.0
"""The one story: what happens to an instance between the two servers.

Fetch, check, route, name, plan, apply, look at the pixels, mark, verify, deliver. The world comes in as Protocols
(`deidgate.gateway.ports`), the end goes out as a value (`deidgate.gateway.outcome`), and whoever tells the story
records it. Every step gives the same on every run, so a crash between any two of them costs time and nothing else.
"""
