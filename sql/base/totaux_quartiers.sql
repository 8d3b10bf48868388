-- une ligne par génération, compte ou somme, modalité et période où chaque quartier est publié et a une population
-- From published figures alone, as `ensembles_quartiers`: a quarter of which there is nothing to say takes no part in it.
SELECT v.zonage, v.indicateur, v.modalite, v.periode,
  round(1000 * CAST(sum(CAST(v.valeur AS DECIMAL(38, 9))) AS DOUBLE)
    / sum(p.population) FILTER (v.statut_observation = 'normale'), any_value(g.decimales)) AS pour_1000_habitants,
  count(*) FILTER (v.statut_observation = 'normale') AS quartiers
FROM valeurs v
JOIN indicateurs i ON i.indicateur = v.indicateur
JOIN regles_comparaison g ON g.indicateur = v.indicateur
LEFT JOIN populations p ON p.zonage = v.zonage AND p.code_zone = v.code_zone AND p.periode = v.periode
WHERE v.zonage IN (SELECT zonage FROM zones WHERE famille = 'qpv') AND i.additif AND g.base = 'pour_1000_habitants'
GROUP BY v.zonage, v.indicateur, v.modalite, v.periode
HAVING bool_and((v.statut_observation = 'normale' AND v.statut_diffusion = 'diffusee' AND p.population IS NOT NULL)
    OR (v.statut_observation = 'sans_objet' AND coalesce(v.numerateur, 0) = 0))
  AND count(*) FILTER (v.statut_observation = 'normale') > 0
ORDER BY v.zonage, v.indicateur, v.modalite, v.periode
