"""Sites of crystals: where they come from, and which of them each carrier occupies."""
