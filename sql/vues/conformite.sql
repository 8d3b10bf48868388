-- une ligne par livraison attendue : ce que la clause promettait, et ce qu'il en est
-- In time or not is settled by the day from which a first version was there, as in the compliance report: a correction is no
-- delay, and neither is the time that we took to come. A release of a schema before 1.2 has the day of reception alone.
SELECT l.jeu AS clause, c.producteur, c.producteur_categorie, l.periode, l.echeance, l.recue_le,
  CASE WHEN l.echeance < c.debut THEN 'anterieure'
    WHEN l.statut = 'manquante' AND l.echeance >= (SELECT max(publiee_le) FROM publications) THEN 'attendue'
    WHEN l.statut IN ('refusee', 'manquante') THEN l.statut
    WHEN coalesce(l.disponible_le, l.recue_le) > l.echeance THEN 'en_retard'
    ELSE 'recue' END AS etat,
  CASE WHEN coalesce(l.echeance >= c.debut, true) AND coalesce(l.disponible_le, l.recue_le) > l.echeance
    THEN coalesce(l.disponible_le, l.recue_le) - l.echeance END AS retard_jours,
  l.statut = 'perimee' AS perimee, l.probleme, l.disponible_le
FROM livraisons l
JOIN clauses c ON c.clause = l.jeu
