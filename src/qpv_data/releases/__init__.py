"""Releases once they are made: where they are, who reads which part, which one is the current one."""
