-- une ligne par valeur d'un quartier et EPCI qu'il touche : l'écart à l'EPCI, quand les deux valeurs sont diffusées
SELECT v.zonage, v.code_zone, z.nom AS quartier, a.code_epci, v.indicateur, v.modalite, v.periode,
  v.valeur, e.valeur AS valeur_epci, round(v.valeur - e.valeur, CAST(i.decimales AS INTEGER)) AS ecart,
  r.indicateur IS NOT NULL AS rupture
FROM valeurs v
JOIN zones z ON z.zonage = v.zonage AND z.code_zone = v.code_zone
JOIN zones_epci a ON a.zonage = v.zonage AND a.code_zone = v.code_zone
JOIN valeurs e ON e.zonage IN (SELECT zonage FROM zones WHERE famille = 'epci') AND e.code_zone = a.code_epci
  AND e.indicateur = v.indicateur AND e.modalite = v.modalite AND e.periode = v.periode
JOIN indicateurs i ON i.indicateur = v.indicateur
LEFT JOIN ruptures r ON r.indicateur = v.indicateur AND r.periode = v.periode
WHERE z.famille = 'qpv' AND i.nature IN ('moyenne', 'part', 'taux') AND v.valeur IS NOT NULL AND e.valeur IS NOT NULL
