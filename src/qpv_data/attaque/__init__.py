"""The attacker: finds what a publication that hides cells gives away all the same.

A package of its own. It imports nothing of the rest of the project, and a test holds it to that: what the protector
believes must not reach who checks it. It reads published files and public perimeters, and writes what it found.
"""
