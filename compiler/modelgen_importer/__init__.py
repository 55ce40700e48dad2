"""Bring a bundle into a host without internet. A bundle has a copy of this package.

It needs Python 3.9 and the standard library only. `describe`, `verify` and `load` are programs. They share `manifest`
(bundle.json as types) and its strict reader `reading`; `medium` (the folders that a bundle came in); `target` (a folder
that is written into) with `hub` and `project`; `jobs` (what is to be copied); `images`; `saying`.
"""
