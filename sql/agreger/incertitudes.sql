-- une ligne par zonage, zone, période et modalité (« ensemble » compris) qu'au moins un géocode incertain touche
-- entrées : vue appartenances (une ligne par enregistrement et zone où il est, ou peut être : cote, p), contributions
--           (au plus une ligne par cellule), cotes (au plus une ligne par cellule)
WITH geocodes AS (
  -- Tout ce qui est en un même point, sous une même erreur, est dedans ou dehors ensemble.
  SELECT zonage, code_zone, periode, modalite, GROUPING(modalite) AS est_ensemble, z_geocode, cote, max(p) AS p,
    sum(CAST(numerateur AS DECIMAL(38, 9))) AS poids
  FROM appartenances
  WHERE cote <> 'certain' AND numerateur IS NOT NULL
  GROUP BY GROUPING SETS (
    (zonage, code_zone, periode, modalite, z_geocode, cote), (zonage, code_zone, periode, z_geocode, cote))
),
cellules AS (
  SELECT zonage, code_zone, periode, CASE WHEN est_ensemble = 1 THEN 'ensemble' ELSE modalite END AS modalite,
    list(CAST(poids AS DOUBLE) ORDER BY z_geocode, cote) AS poids,
    list(p ORDER BY z_geocode, cote) AS p,
    coalesce(sum(poids) FILTER (cote = 'dedans'), 0) AS poids_dedans
  FROM geocodes
  WHERE (est_ensemble = 1 OR modalite IS NOT NULL) AND poids <> 0
  GROUP BY ALL
)
SELECT g.zonage, g.code_zone, g.periode, g.modalite, g.poids, g.p,
  CAST(coalesce(c.somme_numerateur, 0) AS DOUBLE) AS valeur,
  CAST(coalesce(c.somme_numerateur, 0) - g.poids_dedans AS DOUBLE) AS certain,
  CAST(s.n_unites AS BIGINT) AS n_unites,
  s.part_dominante
FROM cellules g
LEFT JOIN contributions c USING (zonage, code_zone, periode, modalite)
LEFT JOIN cotes s USING (zonage, code_zone, periode, modalite)
ORDER BY g.zonage, g.code_zone, g.periode, g.modalite
