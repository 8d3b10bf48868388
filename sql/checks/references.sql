-- une ligne par code qui ne mène à rien
-- gravite: arret
-- titre: Indicateurs, modalités et zones des valeurs sont dans leurs tables
SELECT 'indicateur ou modalité' AS quoi, v.indicateur AS de, v.modalite AS code
FROM (SELECT DISTINCT indicateur, modalite FROM valeurs) v
ANTI JOIN modalites m ON m.indicateur = v.indicateur AND m.modalite = v.modalite
UNION ALL
SELECT 'indicateur', m.jeu, m.indicateur FROM indicateurs m ANTI JOIN clauses c ON c.clause = m.jeu
UNION ALL
SELECT 'zone', v.zonage, v.code_zone
FROM (SELECT DISTINCT zonage, code_zone FROM valeurs) v
-- what could not be located is the row of its commune, or of the territory: it is no zone
ANTI JOIN zones z ON z.code_zone = v.code_zone
  AND (z.zonage = v.zonage OR (v.zonage = 'non_localise' AND z.zonage IN ('commune', 'territoire')))
