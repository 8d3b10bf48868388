-- une ligne par valeur telle qu'elle était publiée le jour `jour`
SELECT * FROM valeurs WHERE visible_de <= jour AND (visible_a IS NULL OR visible_a > jour)
