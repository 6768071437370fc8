"""``python -m mda_ionmech`` is the `ionmech` command."""

from .cli.app import main

main()
