"""Define `modelgen bundle`, the group of its commands."""

from __future__ import annotations

from modelgen.cli.commands import Commands

COMMANDS = {
    "create": ("bundle.create", "Write the folder that is carried."),
    "load": ("bundle.load", "Load a bundle on the other host."),
    "verify": ("bundle.verify", "Check a bundle by the hash of every file."),
}

bundle_command = Commands(
    "bundle",
    table=COMMANDS,
    help="""Carry models, images and modelgen to a host without internet, in one folder.

    \b
    Example:
      modelgen bundle create /media/usb/bundle
    """,
)
