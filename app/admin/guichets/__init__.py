"""Guichets of a service: order, state, restrictions, agents assigned [G 2.3.3]."""
