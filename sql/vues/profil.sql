-- une ligne par quartier et indicateur : sa dernière période publiée, total seulement
WITH dernieres AS (
  -- one period for all the quarters, so that a column of the wide profile compares
  SELECT v.indicateur, arg_max(v.periode, v.periode_debut) AS periode
  FROM valeurs v
  WHERE v.zonage IN (SELECT zonage FROM zones WHERE famille = 'qpv') AND v.modalite = 'ensemble' AND v.valeur IS NOT NULL
  GROUP BY v.indicateur
)
SELECT v.zonage, v.code_zone, z.nom AS quartier, i.theme, v.indicateur, i.titre, v.periode, v.valeur, i.unite,
  v.statut_observation, v.statut_diffusion
FROM dernieres d
JOIN valeurs v ON v.indicateur = d.indicateur AND v.periode = d.periode
JOIN zones z ON z.zonage = v.zonage AND z.code_zone = v.code_zone
JOIN indicateurs i ON i.indicateur = v.indicateur
WHERE z.famille = 'qpv' AND v.modalite = 'ensemble'
