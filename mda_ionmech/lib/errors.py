"""Errors a user can act on: each message names the argument, the value and the remedy."""


class InputError(ValueError):
    """What was given cannot be analysed; the message says what to give instead."""


class AdditivityError(RuntimeError):
    """The contributions of the events do not sum to the whole: a bug, never bad data."""
