"""The local observatory: a static site, in French, from one audience's release and nothing else.

`reading` opens the database of the audience, `levels` computes what several pages share, `pages` say what each page
holds, `charts` and `maps` draw, `writing` renders and writes what changed, `build` puts them one after the other.
Nothing here reads a clock, a network or a value that the audience does not have: two releases with the same published
cells give the same files.
"""
