"""Subjects of the page « Contact »: the national tree that leads an usager to an answer, a procedure or a service."""
