-- une ligne par clé en double
-- gravite: arret
-- titre: Une seule incertitude par valeur et type
SELECT indicateur, modalite, zonage, code_zone, periode, type, count(*) AS lignes
FROM incertitudes
GROUP BY indicateur, modalite, zonage, code_zone, periode, type
HAVING count(*) > 1
