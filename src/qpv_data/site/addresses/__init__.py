"""Addresses of the territory and the quarters that they are in, for the page « Mon adresse ».

`extract` reads an extract of the Base Adresse Nationale without trusting it, `generations` locates points in every
generation of quarters, `gather` puts the two together and counts every row, `compact` writes numbers short.
"""
