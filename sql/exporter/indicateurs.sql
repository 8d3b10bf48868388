-- une ligne par indicateur, en clair
-- entrées : indicateurs (une ligne par indicateur), clauses (une ligne par clause)
SELECT theme(i.theme) AS "Thème", i.titre AS "Indicateur", i.indicateur AS "Code de l'indicateur",
  i.definition AS "Définition", i.unite AS "Unité",
  CASE i.frequence WHEN 'T' THEN 'trimestrielle' WHEN 'A' THEN 'annuelle' ELSE i.frequence END AS "Fréquence",
  i.nature_temporelle AS "Nature temporelle", c.producteur AS "Producteur", c.titre AS "Jeu", c.licence AS "Licence",
  i.reserve AS "Réserve"
FROM indicateurs i JOIN clauses c ON c.clause = i.jeu
ORDER BY i.theme, i.titre, i.indicateur
