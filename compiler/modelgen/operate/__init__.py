"""How a host is run and looked at: Docker's command line, as its user has it."""
