"""Check the entries of `args`: spelling, names, values, combinations and advice."""
