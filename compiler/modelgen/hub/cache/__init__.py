"""The hub directory on disk: its layout, locks between processes, and durable changes.

modelgen's own files are in `.locks/modelgen/`, since `hf cache` warns about other folders at the root of the directory:

- `lock`, `holder.json`: the lock on the directory, and its holder.
- `partial/`: incomplete downloads.
- `seen.json`: files with a checked hash, by size, time and inode; only `fetch` uses it.
- `locks/`: the needs of each models.lock that was fetched or added here.
- `aside/`: replaced and foreign files.
- `pruned/`: folders that `prune` is removing.
- `assets/`: files that are on no hub, by hash.
"""
