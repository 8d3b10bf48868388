-- une ligne par indicateur, quartier et zonage de comparaison, à la dernière période des quartiers ; total seulement
-- Those that compare, and those whose comparator is hidden, which is said.
SELECT c.zonage, c.code_zone, c.indicateur, c.sorte, c.zonage_comparateur, c.base, c.valeur_comparee, c.valeur_comparateur,
  c.ecart, c.zones, c.statut = 'comparable' AS dite
FROM dernieres_periodes d
JOIN comparaisons c ON c.indicateur = d.indicateur AND c.periode = d.periode
WHERE c.modalite = 'ensemble' AND c.statut IN ('comparable', 'comparateur_cachee')
ORDER BY c.zonage, c.code_zone, c.indicateur, c.sorte, c.zonage_comparateur
