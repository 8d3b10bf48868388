-- une ligne par valeur, livraison qui est derrière elle et rôle de cette livraison
WITH recues AS (
  -- a delivery that stands for several periods is one delivery
  SELECT livraison, min(recue_le) AS recue_le, min(clause_version) AS clause_version,
    CASE WHEN bool_or(statut = 'detruite') THEN 'detruite' ELSE 'gardee' END AS garde
  FROM livraisons
  WHERE livraison IS NOT NULL
  GROUP BY livraison
)
SELECT v.zonage, v.code_zone, v.indicateur, v.modalite, v.periode, i.titre, i.definition, l.role, l.jeu AS clause,
  coalesce(d.clause_version, c.version) AS clause_version, c.titre AS jeu, c.producteur, c.finalites, l.livraison,
  d.recue_le, d.garde, v.qualite,
  CASE i.regime_secret
    WHEN 'seuil' THEN 'caché sous ' || i.seuil || ' (' || i.unite_secret || ')'
      || coalesce(', ou si un contributeur dépasse ' || CAST(round(100 * i.dominance) AS INTEGER) || ' %', '')
    WHEN 'producteur' THEN 'règle du producteur'
    ELSE 'sans objet' END AS regle_secret
FROM valeurs v
JOIN indicateurs i ON i.indicateur = v.indicateur
JOIN valeurs_livraisons l ON l.indicateur = v.indicateur AND l.zonage = v.zonage AND l.periode = v.periode
JOIN clauses c ON c.clause = l.jeu
LEFT JOIN recues d ON d.livraison = l.livraison
