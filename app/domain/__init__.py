"""The rules, pure: standard library only, no clock, no SQL, no event loop. Holidays and "now" are arguments."""
