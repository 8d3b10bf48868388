-- une ligne par indicateur et quartier de la génération d'avant : sa valeur à la dernière période des quartiers
SELECT v.zonage, v.code_zone, v.indicateur, v.periode, v.periode_debut, v.valeur, v.statut_observation, v.statut_diffusion,
  NULL AS borne_basse, NULL AS borne_haute
FROM dernieres_periodes d
JOIN valeurs v ON v.indicateur = d.indicateur AND v.periode = d.periode
SEMI JOIN passages p ON p.zonage_depart = v.zonage AND p.code_depart = v.code_zone
WHERE v.modalite = 'ensemble' AND list_contains($1::VARCHAR[], v.indicateur)
ORDER BY v.indicateur, v.zonage, v.code_zone
