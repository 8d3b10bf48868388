-- une ligne par indicateur, avec sa clause, le titre de l'indicateur qui le divise, et la dernière livraison reçue de son jeu
SELECT i.*, c.producteur, c.licence, c.url, d.titre AS titre_denominateur, l.recue_le
FROM indicateurs i
JOIN clauses c ON c.clause = i.jeu
LEFT JOIN indicateurs d ON d.indicateur = i.par
LEFT JOIN (SELECT jeu, max(recue_le) AS recue_le FROM livraisons WHERE statut <> 'refusee' GROUP BY jeu) l ON l.jeu = i.jeu
ORDER BY i.theme, i.titre, i.indicateur
