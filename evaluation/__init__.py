"""How well a scorer ranks days whose papers are labelled; ``make eval`` runs it."""
