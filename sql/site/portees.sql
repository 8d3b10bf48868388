-- une ligne par quartier, indicateur et période d'avant son périmètre : sa valeur portée de la génération d'avant ; total seulement
SELECT zonage, code_zone, indicateur, periode, periode_debut, valeur, borne_basse, borne_haute, rupture
FROM series_generations
WHERE origine = 'portee' AND retenue AND modalite = 'ensemble' AND valeur IS NOT NULL
ORDER BY zonage, code_zone, indicateur, periode_debut
