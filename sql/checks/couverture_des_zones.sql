-- une ligne par zone qui n'a aucune valeur, et par indicateur, période et zonage incomplet
-- gravite: arret
-- titre: Chaque zone a sa ligne, par indicateur, modalité et période
WITH dites AS (SELECT DISTINCT diffuseur, zonage, code_zone FROM valeurs),
attendues AS (SELECT diffuseur, zonage, count(*) AS zones FROM dites GROUP BY diffuseur, zonage)
SELECT v.diffuseur, v.zonage, v.indicateur, v.modalite, v.periode, count(*) AS lignes, any_value(a.zones) AS zones
FROM valeurs v
JOIN attendues a ON a.diffuseur = v.diffuseur AND a.zonage = v.zonage
-- of several partnerships together, what two of them say alike is a row of one of them
WHERE (SELECT count(*) FROM zones WHERE zonage = 'territoire') = 1
GROUP BY v.diffuseur, v.zonage, v.indicateur, v.modalite, v.periode
HAVING count(*) <> any_value(a.zones)
UNION ALL
SELECT NULL, z.zonage, NULL, NULL, z.code_zone, 0, 1
FROM zones z
ANTI JOIN dites d ON d.zonage = z.zonage AND d.code_zone = z.code_zone
