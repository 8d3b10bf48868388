-- une ligne par quartier et indicateur : sa dernière période publiée, la même pour tous les quartiers ; total seulement
SELECT v.zonage, v.code_zone, z.nom AS quartier, i.theme, v.indicateur, i.titre, v.periode, v.valeur, i.unite,
  v.statut_observation, v.statut_diffusion
FROM dernieres_periodes d
JOIN valeurs v ON v.indicateur = d.indicateur AND v.periode = d.periode
JOIN zones z ON z.zonage = v.zonage AND z.code_zone = v.code_zone
JOIN indicateurs i ON i.indicateur = v.indicateur
WHERE z.famille = 'qpv' AND v.modalite = 'ensemble'
