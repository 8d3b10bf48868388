-- une ligne par valeur telle qu'elle était publiée le jour `jour`
SELECT * FROM valeurs WHERE visible_de <= jour
UNION ALL
SELECT * FROM revisions WHERE visible_de <= jour AND visible_a > jour
