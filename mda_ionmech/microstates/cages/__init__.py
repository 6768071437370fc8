"""Cages of carriers without known sites, found from their paths alone."""
