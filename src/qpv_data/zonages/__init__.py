"""Zonings: perimeters, lists and compositions of communes, from declared referentials to what locate reads."""

from qpv_data.zonages.compose import compose_zonages
from qpv_data.zonages.loading import ZoneGroup, Zones, load_zones
from qpv_data.zonages.model import ZonagesReport

__all__ = ["ZonagesReport", "ZoneGroup", "Zones", "compose_zonages", "load_zones"]
