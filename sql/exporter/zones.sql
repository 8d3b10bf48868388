-- une ligne par zone qui a un nom, en clair ; le reste non localisé d'une commune porte le sien
-- entrées : zones (une ligne par zone, sans les contours)
WITH nommees AS (
  SELECT zonage, code_zone, nom,
    CASE famille WHEN 'qpv' THEN 'Quartier prioritaire (' || millesime || ')'
      WHEN 'commune' THEN 'Commune'
      WHEN 'epci' THEN 'Intercommunalité'
      WHEN 'contrat' THEN 'Contrat de ville'
      WHEN 'unite_urbaine' THEN 'Unité urbaine'
      WHEN 'departement' THEN 'Département'
      WHEN 'region' THEN 'Région'
      WHEN 'iris' THEN 'IRIS'
      WHEN 'territoire' THEN 'Ensemble du territoire'
      ELSE replace(famille, '_', ' ') END AS type_zone
  FROM zones
)
SELECT zonage, code_zone, type_zone, nom FROM nommees
UNION ALL
SELECT 'non_localise', code_zone, 'Non localisé dans la zone', nom
FROM nommees WHERE zonage IN ('commune', 'territoire')
ORDER BY zonage, code_zone
