-- une ligne par valeur qui n'est plus celle de la publication précédente
SELECT x.publication_precedente, x.publication, x.nature, x.zonage, x.code_zone, z.nom AS zone, x.indicateur, i.titre,
  x.modalite, x.periode, x.valeur_avant, x.valeur,
  round(x.valeur - x.valeur_avant, CAST(i.decimales AS INTEGER)) AS difference, i.unite, x.statut_avant, x.statut, x.cause
FROM changements x
LEFT JOIN indicateurs i ON i.indicateur = x.indicateur
LEFT JOIN zones z ON z.zonage = x.zonage AND z.code_zone = x.code_zone
