-- une ligne par valeur d'un quartier et commune qu'il touche : l'écart à la commune, quand les deux valeurs sont diffusées
SELECT v.zonage, v.code_zone, z.nom AS quartier, a.code_commune, v.indicateur, v.modalite, v.periode,
  v.valeur, c.valeur AS valeur_commune, round(v.valeur - c.valeur, CAST(i.decimales AS INTEGER)) AS ecart,
  r.indicateur IS NOT NULL AS rupture
FROM valeurs v
JOIN zones z ON z.zonage = v.zonage AND z.code_zone = v.code_zone
JOIN zones_communes a ON a.zonage = v.zonage AND a.code_zone = v.code_zone
JOIN valeurs c ON c.zonage = 'commune' AND c.code_zone = a.code_commune AND c.indicateur = v.indicateur
  AND c.modalite = v.modalite AND c.periode = v.periode
JOIN indicateurs i ON i.indicateur = v.indicateur
LEFT JOIN ruptures r ON r.indicateur = v.indicateur AND r.periode = v.periode
WHERE z.famille = 'qpv' AND i.nature IN ('moyenne', 'part', 'taux') AND v.valeur IS NOT NULL AND c.valeur IS NOT NULL
