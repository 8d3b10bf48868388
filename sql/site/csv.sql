-- une ligne par valeur d'un indicateur dans un quartier du site
-- entrées : quartiers_du_site, la variable `indicateur`, les macros `nombre` et `etat`
SELECT v.code_zone AS code_quartier, z.nom AS quartier, m.libelle AS modalite, v.periode,
  nombre(v.valeur) AS valeur,
  i.unite,
  etat(v.statut_diffusion, v.statut_observation) AS statut
FROM quartiers_du_site q
JOIN valeurs v ON v.zonage = q.zonage AND v.code_zone = q.code_zone AND v.indicateur = getvariable('indicateur')
JOIN indicateurs i ON i.indicateur = v.indicateur
LEFT JOIN zones z ON z.zonage = v.zonage AND z.code_zone = v.code_zone
LEFT JOIN modalites m ON m.indicateur = v.indicateur AND m.modalite = v.modalite
ORDER BY v.code_zone, v.modalite <> 'ensemble', v.modalite, v.periode_debut, v.periode
