"""Geocoding: records whose place is an address receive the point of that address, or the reason why not."""
