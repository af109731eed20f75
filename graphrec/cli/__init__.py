"""The command line: ``graphrec``."""

from graphrec.cli.app import main

__all__ = ["main"]
