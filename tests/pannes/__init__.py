"""Kill a run at each thing that it does to the disk, then look at what is left: `make pannes`."""
