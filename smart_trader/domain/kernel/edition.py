"""The edition of the rules that turn trade rows into stored figures."""

PNL_EDITION = 2
"""Raise it with every change of code that changes a stored figure of a wallet: every wallet is then computed again."""
EDITION_PREFIX = f"{PNL_EDITION}-"
"""How the definition of a figure of this edition begins; what follows names the settings."""
