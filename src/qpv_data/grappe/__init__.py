"""More than one machine: the jobs of a run (conform, locate, aggregate) go to the workers of a cluster.

The machine that was asked keeps everything else: the lock, the network, the raw store, keys, recipes, the journal,
secrecy and publication. A worker is given a `Parcel`, runs the same function on it in a folder of its own, and says
what it wrote; nothing is in the lake before the holder of the lock has put it there, whole. So a worker may be killed
at any instant, run late or run twice: its job is run elsewhere, and what it left is in nobody's way.

    crew      steps, parcels, and what becomes of the answers
    parcels   what travels, and what a worker does with it
    ways      how files go: a folder that all machines see, or an object store (fsspec) where they are exchanged
    cluster   Dask, the only module that imports it
"""
