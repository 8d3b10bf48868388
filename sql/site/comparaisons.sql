-- une ligne par indicateur choisi, quartier et zonage de comparaison, à la période choisie ; total seulement
-- entrée : choix, une condition sur indicateur et periode
-- Those that compare, and those whose comparator is hidden, which is said.
SELECT zonage, code_zone, indicateur, sorte, zonage_comparateur, base, valeur_comparee, valeur_comparateur, ecart, zones,
  statut = 'comparable' AS dite
FROM comparaisons
WHERE {choix} AND modalite = 'ensemble' AND statut IN ('comparable', 'comparateur_cachee')
ORDER BY zonage, code_zone, indicateur, sorte, zonage_comparateur
