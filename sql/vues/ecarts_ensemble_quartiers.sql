-- une ligne par valeur d'un quartier : l'écart à l'ensemble des quartiers de sa génération, quand ils sont tous diffusés
WITH ensembles AS (
  -- From published figures alone: one quarter that is hidden or unknown, and there is no reference. A quarter of which
  -- there is nothing to say takes no part in it.
  SELECT v.zonage, v.indicateur, v.modalite, v.periode, any_value(coalesce(i.facteur, 1)) * sum(v.numerateur)
    / sum(v.denominateur) AS valeur, count(*) FILTER (v.statut_observation = 'normale') AS quartiers
  FROM valeurs v
  JOIN indicateurs i ON i.indicateur = v.indicateur
  WHERE v.zonage IN (SELECT zonage FROM zones WHERE famille = 'qpv')
    AND i.additif AND i.nature IN ('moyenne', 'part', 'taux')
  GROUP BY v.zonage, v.indicateur, v.modalite, v.periode
  HAVING bool_and((v.statut_observation = 'normale' AND v.statut_diffusion = 'diffusee')
      OR (v.statut_observation = 'sans_objet' AND coalesce(v.numerateur, 0) = 0))
    AND sum(v.denominateur) > 0
)
SELECT v.zonage, v.code_zone, z.nom AS quartier, v.indicateur, v.modalite, v.periode, v.valeur,
  round(e.valeur, CAST(i.decimales AS INTEGER)) AS valeur_ensemble, e.quartiers,
  round(v.valeur - e.valeur, CAST(i.decimales AS INTEGER)) AS ecart, r.indicateur IS NOT NULL AS rupture
FROM valeurs v
JOIN ensembles e ON e.zonage = v.zonage AND e.indicateur = v.indicateur AND e.modalite = v.modalite
  AND e.periode = v.periode
JOIN zones z ON z.zonage = v.zonage AND z.code_zone = v.code_zone
JOIN indicateurs i ON i.indicateur = v.indicateur
LEFT JOIN ruptures r ON r.indicateur = v.indicateur AND r.periode = v.periode
WHERE v.valeur IS NOT NULL
