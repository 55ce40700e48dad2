"""Read shell scripts and systemd units, and the `docker run` lines in them."""
