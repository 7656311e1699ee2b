"""The rules, tested without server, clock nor fixture."""
