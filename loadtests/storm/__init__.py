"""Storms at the length promised: servers and processes killed, frozen or restarted while people book."""
