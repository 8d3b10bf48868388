"""qpv-data: data clauses of French contrats de ville, made executable."""

__version__ = "0.1.0"
