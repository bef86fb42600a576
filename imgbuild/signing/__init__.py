"""Signed copies of what is published: which files, what is claimed of each, and what is signed already.

No two signatures of a file are equal, so that signed files can't be what a lock names. The build stays a function of
its sources and needs no private key; this comes after it.
"""
