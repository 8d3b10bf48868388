-- une ligne par zonage, zone, période et modalité (« ensemble » compris) : du plus petit de ses côtés (sûrement dedans,
-- dedans peut-être, dehors peut-être), le nombre d'unités ; de tous, la plus grosse part d'un contributeur
-- entrée : vue appartenances
WITH effectifs AS (
  SELECT zonage, code_zone, periode, modalite, GROUPING(modalite) AS est_ensemble, cote,
    count(DISTINCT unite) AS u,
    -- Un effectif agrégé borne mal les unités : la somme elle-même peut être plus petite.
    least(CAST(sum(effectif) AS HUGEINT), CAST(floor(abs(sum(CAST(numerateur AS DECIMAL(38, 9))))) AS HUGEINT)) AS e,
    count(effectif) > 0 AS compte_par_effectif
  FROM appartenances
  WHERE numerateur <> 0
  GROUP BY GROUPING SETS ((zonage, code_zone, periode, modalite, cote), (zonage, code_zone, periode, cote))
),
poids AS (
  SELECT zonage, code_zone, periode, modalite, GROUPING(modalite) AS est_ensemble, cote, contributeur,
    sum(abs(CAST(numerateur AS DECIMAL(38, 9)))) AS poids
  FROM appartenances
  WHERE numerateur <> 0
  GROUP BY GROUPING SETS (
    (zonage, code_zone, periode, modalite, cote, contributeur), (zonage, code_zone, periode, cote, contributeur))
),
parts AS (
  SELECT zonage, code_zone, periode, modalite, est_ensemble, cote,
    CAST(max(poids) AS DOUBLE) / CAST(sum(poids) AS DOUBLE) AS part
  FROM poids
  GROUP BY ALL
)
SELECT zonage, code_zone, periode, CASE WHEN e.est_ensemble = 1 THEN 'ensemble' ELSE e.modalite END AS modalite,
  min(CASE WHEN e.compte_par_effectif THEN e.e ELSE e.u END) AS n_unites,
  max(p.part) AS part_dominante
FROM effectifs e
JOIN parts p USING (zonage, code_zone, periode, est_ensemble, cote)
WHERE e.modalite IS NOT DISTINCT FROM p.modalite AND (e.est_ensemble = 1 OR e.modalite IS NOT NULL)
GROUP BY ALL
