-- une ligne par valeur d'un thème, dans l'ordre d'un tableau : une ligne par zone, indicateur et modalité
-- entrées : lisibles_du_theme (une ligne par valeur, en clair)
SELECT type_zone, code_zone, nom_zone, titre, libelle, unite, periode, valeur,
  CASE WHEN cachee THEN 'secret' WHEN valeur IS NULL THEN statut END AS mot, zonage, indicateur, modalite
FROM lisibles_du_theme
ORDER BY zonage, code_zone, indicateur, modalite <> 'ensemble', modalite, periode_debut, periode
