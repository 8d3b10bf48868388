-- une ligne par valeur, dans l'ordre d'un tableau : une feuille par thème, une ligne par zone, indicateur et modalité
-- entrées : lisibles (une ligne par valeur)
SELECT theme, type_zone, code_zone, nom_zone, titre, libelle, unite, periode, valeur,
  CASE WHEN cachee THEN 'secret' WHEN valeur IS NULL THEN statut END AS mot, zonage, indicateur, modalite
FROM lisibles
ORDER BY theme, zonage, code_zone, indicateur, modalite <> 'ensemble', modalite, periode_debut, periode
