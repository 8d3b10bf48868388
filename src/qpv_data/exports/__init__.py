"""What readers take away of a release, made of the folder of one audience and of nothing else.

Every export is a function of published tables alone, and the same tables give the same bytes: no time of day, fixed
dates in archives, sorted entries.
"""
