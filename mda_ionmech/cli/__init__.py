"""The command line, `ionmech`, and the TOML files it reads."""
