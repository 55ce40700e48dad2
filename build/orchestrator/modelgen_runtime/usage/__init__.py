"""What requests cost: a record of each, the tokens that engines report, and totals that survive a restart."""
