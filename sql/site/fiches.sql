-- une ligne par valeur des quartiers demandés, les périodes d'une série l'une après l'autre
-- entrées : $1, les zonages, et $2, les codes, deux listes de même longueur
SELECT v.zonage, v.code_zone, v.indicateur, v.modalite, v.periode, v.periode_debut, v.valeur, v.statut_observation,
  v.statut_diffusion, u.borne_basse, u.borne_haute
FROM (SELECT unnest($1::VARCHAR[]) AS zonage, unnest($2::VARCHAR[]) AS code_zone) d
JOIN valeurs v ON v.zonage = d.zonage AND v.code_zone = d.code_zone
LEFT JOIN (
  SELECT zonage, code_zone, indicateur, modalite, periode, min(borne_basse) AS borne_basse, max(borne_haute) AS borne_haute
  FROM incertitudes GROUP BY ALL
) u ON u.zonage = v.zonage AND u.code_zone = v.code_zone AND u.indicateur = v.indicateur AND u.modalite = v.modalite
  AND u.periode = v.periode
ORDER BY v.zonage, v.code_zone, v.indicateur, v.modalite, v.periode_debut, v.periode
