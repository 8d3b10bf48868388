-- une ligne par clé en double
-- gravite: arret
-- titre: Un seul changement par valeur
SELECT indicateur, modalite, zonage, code_zone, periode, count(*) AS lignes
FROM changements
GROUP BY indicateur, modalite, zonage, code_zone, periode
HAVING count(*) > 1
