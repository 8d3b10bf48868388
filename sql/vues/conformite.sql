-- une ligne par livraison attendue : ce que la clause promettait, et ce qu'il en est
SELECT l.jeu AS clause, c.producteur, c.producteur_categorie, l.periode, l.echeance, l.recue_le,
  CASE WHEN l.statut IN ('refusee', 'manquante') THEN l.statut
    WHEN l.echeance IS NOT NULL AND l.recue_le > l.echeance THEN 'en_retard'
    ELSE 'recue' END AS etat,
  CASE WHEN l.recue_le > l.echeance THEN l.recue_le - l.echeance END AS retard_jours,
  l.statut = 'perimee' AS perimee, l.probleme
FROM livraisons l
JOIN clauses c ON c.clause = l.jeu
