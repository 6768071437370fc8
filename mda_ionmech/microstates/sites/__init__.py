"""Crystal sites: from a structure, a CIF or the density, and the site each carrier occupies."""
