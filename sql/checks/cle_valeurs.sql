-- une ligne par clé en double
-- gravite: arret
-- titre: Une seule ligne par indicateur, modalité, zone et période
WITH suspectes AS (
  -- 64 bits a row rather than five texts: 20 M keys stay in memory; equal digests are then compared in full
  SELECT hash(indicateur, modalite, zonage, code_zone, periode) AS empreinte
  FROM valeurs
  GROUP BY empreinte
  HAVING count(*) > 1
)
SELECT indicateur, modalite, zonage, code_zone, periode, count(*) AS lignes
FROM valeurs
WHERE hash(indicateur, modalite, zonage, code_zone, periode) IN (SELECT empreinte FROM suspectes)
GROUP BY indicateur, modalite, zonage, code_zone, periode
HAVING count(*) > 1
