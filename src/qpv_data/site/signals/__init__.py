"""What is unusual in a release: levels and changes that stand out against comparable quarters, or against
a quarter's own series.

`signals(con)` reads published values alone (`reading.py`, `catalogue.py`), compares (`statistics.py`, on the scales of
`scales.py`, by the statistic of `robust.py`), holds tails to those of the release (`calibration.py`), counts false
alerts over everything tested (`multiplicity.py`) and writes sentences (`sentences.py`, `words.py`). The method, its
measured error rate and what a signal is not: docs/signaux.md; measured by benchmarks/signaux.py.
"""

from qpv_data.site.signals.finding import Signal, Signals, Untested, signals
from qpv_data.site.signals.model import Kind

__all__ = ["Kind", "Signal", "Signals", "Untested", "signals"]
