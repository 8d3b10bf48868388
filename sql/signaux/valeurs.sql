-- une ligne par valeur diffusée d'un quartier, au total, pour les indicateurs et les périodes demandés
SELECT v.indicateur, v.zonage, v.code_zone, v.periode, v.valeur, v.numerateur, v.denominateur,
  coalesce((u.borne_haute - u.borne_basse) / 2, 0) AS demi_largeur, coalesce(u.niveau, 0.9) AS niveau
FROM valeurs v
LEFT JOIN incertitudes u ON u.indicateur = v.indicateur AND u.modalite = v.modalite AND u.zonage = v.zonage
  AND u.code_zone = v.code_zone AND u.periode = v.periode AND u.type = 'position'
WHERE v.indicateur IN (SELECT unnest($indicateurs)) AND v.zonage IN (SELECT unnest($zonages))
  AND v.periode IN (SELECT unnest($periodes)) AND v.modalite = 'ensemble' AND v.statut_diffusion = 'diffusee'
  AND v.statut_observation = 'normale' AND v.valeur IS NOT NULL
