-- une ligne par zonage, zone, période et modalité (« ensemble » compris) : la plus grosse part d'un contributeur
-- entrée : vue mesures_zones, une ligne par enregistrement et zone
WITH poids AS (
  SELECT zonage, code_zone, periode, modalite, GROUPING(modalite) AS est_ensemble, contributeur,
    sum(abs(CAST(numerateur AS DECIMAL(38, 9)))) AS poids
  FROM mesures_zones
  GROUP BY GROUPING SETS (
    (zonage, code_zone, periode, modalite, contributeur), (zonage, code_zone, periode, contributeur))
)
SELECT zonage, code_zone, periode, CASE WHEN est_ensemble = 1 THEN 'ensemble' ELSE modalite END AS modalite,
  CASE WHEN sum(poids) > 0 THEN CAST(max(poids) AS DOUBLE) / CAST(sum(poids) AS DOUBLE) END AS part_dominante
FROM poids
WHERE est_ensemble = 1 OR modalite IS NOT NULL
GROUP BY ALL
