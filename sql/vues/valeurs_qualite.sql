-- une ligne par valeur et type d'incertitude (une seule, sans bornes, quand aucune n'est déclarée)
SELECT v.zonage, v.code_zone, z.nom AS zone, v.indicateur, i.titre, v.modalite, v.periode, v.valeur, i.unite,
  v.statut_observation, v.statut_diffusion, v.qualite, u.type AS type_incertitude, u.niveau, u.methode, u.borne_basse,
  u.borne_haute, r.indicateur IS NOT NULL AS rupture, i.reserve
FROM valeurs v
JOIN indicateurs i ON i.indicateur = v.indicateur
LEFT JOIN zones z ON z.zonage = v.zonage AND z.code_zone = v.code_zone
LEFT JOIN incertitudes u ON u.indicateur = v.indicateur AND u.modalite = v.modalite AND u.zonage = v.zonage
  AND u.code_zone = v.code_zone AND u.periode = v.periode
LEFT JOIN ruptures r ON r.indicateur = v.indicateur AND r.periode = v.periode
