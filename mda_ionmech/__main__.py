"""``python -m mda_ionmech`` is the `ionmech` command."""

from .cli import main

main()
