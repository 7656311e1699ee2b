"""Accounts and habilitations: who has access to what, given by whom [C §4; G 2.3.2]."""
