-- une ligne par valeur diffusée d'un quartier, au total, pour les indicateurs et les périodes demandés, par leurs rangs
WITH places AS (
  SELECT zonage, code_zone,
    row_number() OVER (ORDER BY millesime DESC, zonage, coalesce(territoire, ''), code_zone) - 1 AS place
  FROM zones
  WHERE famille = 'qpv'
)
SELECT list_position($indicateurs, v.indicateur) - 1 AS indicateur, p.place,
  list_position($periodes, v.periode) - 1 AS periode, v.valeur, v.numerateur, v.denominateur,
  coalesce((u.borne_haute - u.borne_basse) / 2, 0) AS demi_largeur, coalesce(u.niveau, 0.9) AS niveau
FROM valeurs v
JOIN places p ON p.zonage = v.zonage AND p.code_zone = v.code_zone
LEFT JOIN incertitudes u ON u.indicateur = v.indicateur AND u.modalite = v.modalite AND u.zonage = v.zonage
  AND u.code_zone = v.code_zone AND u.periode = v.periode AND u.type = 'position'
WHERE v.indicateur IN (SELECT unnest($indicateurs)) AND v.periode IN (SELECT unnest($periodes))
  AND v.modalite = 'ensemble' AND v.statut_diffusion = 'diffusee' AND v.statut_observation = 'normale'
  AND v.valeur IS NOT NULL
