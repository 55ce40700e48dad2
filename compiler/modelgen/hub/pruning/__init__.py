"""`modelgen prune`: remove what no registered models.lock needs.

It keeps what the locks in `locks/` needed when registered, what they need now, and the commits in a build beside
them. It removes refs first, then folders (by one rename into `pruned/`), then blobs, so a kill leaves only complete
snapshots. Engines get the commit, so `refs/main` may belong to another program; each snapshot has a ref of its own,
`refs/modelgen/COMMIT`, which protects it from other tools.
"""
