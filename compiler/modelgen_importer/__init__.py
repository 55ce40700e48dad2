"""Bring a bundle into a host without internet. A bundle has a copy of this package.

It needs Python 3.9 and the standard library only.
"""
