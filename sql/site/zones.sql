-- une ligne par zone, sans son contour
SELECT zonage, famille, code_zone, nom, population, superficie_m2, territoire
FROM zones
ORDER BY zonage, code_zone
