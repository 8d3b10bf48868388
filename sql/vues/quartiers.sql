-- une ligne par valeur d'un quartier (deux générations), avec les libellés
SELECT v.zonage, v.code_zone, z.nom AS quartier, i.theme, v.indicateur, i.titre, v.modalite, v.periode, v.valeur, i.unite,
  v.statut_observation, v.statut_diffusion
FROM valeurs v
JOIN zones z USING (zonage, code_zone)
JOIN indicateurs i USING (indicateur)
WHERE z.famille = 'qpv'
