"""Helpers without physics that every part of the package may use."""
