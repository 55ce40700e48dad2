"""The cost of requests: a record of each, the tokens that engines report, and totals that survive a restart."""
