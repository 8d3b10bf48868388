"""The embedded territory: a fictitious agglomeration, its feeds with their dirt, and the truth kept aside."""

from qpv_data.demo.generer import generate

__all__ = ["generate"]
