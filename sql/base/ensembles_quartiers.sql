-- une ligne par génération de quartiers, indicateur, modalité et période dont aucun quartier n'est caché ni inconnu
-- From published figures alone: one quarter that is hidden or unknown, and there is no reference. A quarter of which there
-- is nothing to say takes no part in it.
SELECT v.zonage, v.indicateur, v.modalite, v.periode,
  round(any_value(coalesce(i.facteur, 1)) * sum(v.numerateur) / sum(v.denominateur),
    CAST(any_value(i.decimales) AS INTEGER)) AS valeur,
  count(*) FILTER (v.statut_observation = 'normale') AS quartiers
FROM valeurs v
JOIN indicateurs i ON i.indicateur = v.indicateur
WHERE v.zonage IN (SELECT zonage FROM zones WHERE famille = 'qpv')
  AND i.additif AND i.nature IN ('moyenne', 'part', 'taux')
GROUP BY v.zonage, v.indicateur, v.modalite, v.periode
HAVING bool_and((v.statut_observation = 'normale' AND v.statut_diffusion = 'diffusee')
    OR (v.statut_observation = 'sans_objet' AND coalesce(v.numerateur, 0) = 0))
  AND sum(v.denominateur) > 0
ORDER BY v.zonage, v.indicateur, v.modalite, v.periode
