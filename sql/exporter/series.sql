-- une ligne par valeur d'un zonage, les périodes d'une série l'une après l'autre
-- entrées : valeurs (une ligne par valeur d'un zonage)
SELECT code_zone, indicateur, modalite, periode, valeur, statut_observation, statut_diffusion
FROM valeurs
ORDER BY code_zone, indicateur, modalite, periode_debut, periode
