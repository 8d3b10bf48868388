-- une ligne par valeur d'un quartier : l'écart à l'ensemble des quartiers de sa génération, quand ils sont tous diffusés
SELECT v.zonage, v.code_zone, z.nom AS quartier, v.indicateur, v.modalite, v.periode, v.valeur,
  e.valeur AS valeur_ensemble, e.quartiers, round(v.valeur - e.valeur, CAST(i.decimales AS INTEGER)) AS ecart,
  r.indicateur IS NOT NULL AS rupture
FROM valeurs v
JOIN ensembles_quartiers e ON e.zonage = v.zonage AND e.indicateur = v.indicateur AND e.modalite = v.modalite
  AND e.periode = v.periode
JOIN zones z ON z.zonage = v.zonage AND z.code_zone = v.code_zone
JOIN indicateurs i ON i.indicateur = v.indicateur
LEFT JOIN ruptures r ON r.indicateur = v.indicateur AND r.periode = v.periode
WHERE v.valeur IS NOT NULL
