"""Delegations between services: what is entrusted, what is received, who answers, who ends it [G 2.3.5]."""
