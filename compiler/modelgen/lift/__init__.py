"""Lift what a foreign file says to what the compiler knows: engines, their flags, and a Document for the rules."""
