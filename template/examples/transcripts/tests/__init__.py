"""``pytest`` runs them all."""
