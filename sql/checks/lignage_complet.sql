-- une ligne par indicateur, zonage et période sans livraison
-- gravite: alerte
-- titre: Une valeur a une livraison derrière elle
SELECT v.indicateur, v.zonage, v.periode
FROM (SELECT DISTINCT indicateur, zonage, periode FROM valeurs WHERE statut_observation = 'normale') v
ANTI JOIN valeurs_livraisons l ON l.indicateur = v.indicateur AND l.zonage = v.zonage AND l.periode = v.periode
  AND l.role = 'source'
