"""The commands of `qpv-data`, a module each; every one adds itself to the application with `register`."""
