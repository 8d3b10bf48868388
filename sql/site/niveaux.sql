-- une ligne par indicateur et intercommunalité : sa valeur à la dernière période des quartiers
SELECT v.zonage, v.code_zone, v.indicateur, v.periode, v.periode_debut, v.valeur, v.statut_observation, v.statut_diffusion,
  NULL AS borne_basse, NULL AS borne_haute
FROM dernieres_periodes d
JOIN valeurs v ON v.indicateur = d.indicateur AND v.periode = d.periode
WHERE v.modalite = 'ensemble' AND v.zonage = 'epci'
ORDER BY ALL
