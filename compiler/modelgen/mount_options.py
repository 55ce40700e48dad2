"""Find file systems that give all files one mode, and the mount options that make them readable."""

from __future__ import annotations

_UMASK = "umask=022"
_CIFS = "file_mode=0644,dir_mode=0755"
_WSL = "metadata,umask=022"
_OPTIONS = {
    "vfat": _UMASK,
    "msdos": _UMASK,
    "exfat": _UMASK,
    "ntfs": _UMASK,
    "ntfs3": _UMASK,
    "fuseblk": _UMASK,
    "fuse": f"allow_other,{_UMASK}",
    "cifs": _CIFS,
    "smb3": _CIFS,
    "9p": _WSL,
    "drvfs": _WSL,
}


def options_that_open(kind: str | None) -> str | None:
    """Return the options for a kind of file system, such as `exfat` or `fuse.sshfs`; None where chmod works."""
    return None if kind is None else _OPTIONS.get(kind) or _OPTIONS.get(kind.partition(".")[0])
