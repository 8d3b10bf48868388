-- une ligne par indicateur choisi, quartier et période d'avant son périmètre : sa valeur portée de la génération d'avant
-- entrée : choix, une condition sur indicateur ; total seulement
SELECT zonage, code_zone, indicateur, periode, periode_debut, valeur, borne_basse, borne_haute, rupture
FROM series_generations
WHERE {choix} AND origine = 'portee' AND retenue AND modalite = 'ensemble' AND valeur IS NOT NULL
ORDER BY zonage, code_zone, indicateur, periode_debut
