"""Engines as local processes, each in a process group of its own that survives the orchestrator.

`driver` starts, stops and adopts; `spawning` is how a process begins, `exits` how its end is seen, `groups` how all of
it is ended; `table`, `proc_table` and `ps_table` ask the system about processes; `records` is the state on disk, `logs`
what the engines print, `ports` where they listen.
"""
