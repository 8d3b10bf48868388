-- une ligne par clé en double
-- gravite: arret
-- titre: Une seule ligne passée par valeur et publication
SELECT indicateur, modalite, zonage, code_zone, periode, publication, count(*) AS lignes
FROM revisions
GROUP BY indicateur, modalite, zonage, code_zone, periode, publication
HAVING count(*) > 1
