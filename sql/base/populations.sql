-- une ligne par zone et période dont une population est publiée
-- The population that rates of this release divide by, of the period that holds this one, else of the last before it: the
-- rule of rates. Else the one that the referential declares, else that of all of the communes that the zone is made of.
WITH denominateurs AS (
  SELECT DISTINCT d.indicateur
  FROM indicateurs i
  JOIN indicateurs d ON d.indicateur = i.par
  WHERE d.unite = 'habitants'
),
periodes AS (
  SELECT periode, any_value(periode_debut) AS debut
  FROM valeurs
  GROUP BY periode
),
publiees AS (
  -- the smallest name, when several indicators give the population of one zone and period
  SELECT zonage, code_zone, periode, periode_debut AS debut, min(indicateur) AS indicateur,
    arg_min(valeur, indicateur) AS population
  FROM valeurs
  WHERE indicateur IN (SELECT indicateur FROM denominateurs) AND modalite = 'ensemble' AND valeur > 0
  GROUP BY ALL
),
situees AS (
  SELECT u.zonage, u.code_zone, p.periode, arg_max(u.population, (u.debut, u.periode)) AS population,
    arg_max(u.indicateur, (u.debut, u.periode)) AS source, arg_max(u.periode, (u.debut, u.periode)) AS periode_source
  FROM periodes p
  JOIN publiees u ON u.debut <= p.debut
  GROUP BY ALL
),
dites AS (
  SELECT z.zonage, z.code_zone, z.famille, p.periode, coalesce(s.population, z.population) AS population,
    coalesce(s.source, 'referentiel') AS source,
    CASE WHEN s.source IS NULL THEN z.millesime ELSE s.periode_source END AS periode_source
  FROM zones z
  CROSS JOIN periodes p
  LEFT JOIN situees s ON s.zonage = z.zonage AND s.code_zone = z.code_zone AND s.periode = p.periode
),
compositions AS (
  SELECT m.zonage, m.code_zone, m.code_commune
  FROM zones_communes m
  JOIN zones z ON z.zonage = m.zonage AND z.code_zone = m.code_zone
  WHERE z.famille IN ('epci', 'contrat', 'unite_urbaine', 'autre') AND coalesce(z.superficie_m2, 0) = 0
  UNION
  SELECT t.zonage, t.code_zone, c.code_zone
  FROM zones t
  JOIN zones c ON c.famille = 'commune'
  WHERE t.famille = 'territoire'
),
composees AS (
  SELECT m.zonage, m.code_zone, p.periode,
    CASE WHEN count(c.population) = count(*) THEN sum(c.population) END AS population,
    max(c.periode_source) AS periode_source
  FROM compositions m
  CROSS JOIN periodes p
  LEFT JOIN dites c ON c.zonage = 'commune' AND c.code_zone = m.code_commune AND c.periode = p.periode
  GROUP BY m.zonage, m.code_zone, p.periode
)
SELECT d.zonage, d.code_zone, d.periode, coalesce(d.population, c.population) AS population,
  CASE WHEN d.population IS NULL THEN 'communes' ELSE d.source END AS source,
  CASE WHEN d.population IS NULL THEN c.periode_source ELSE d.periode_source END AS periode_source
FROM dites d
LEFT JOIN composees c ON c.zonage = d.zonage AND c.code_zone = d.code_zone AND c.periode = d.periode
WHERE coalesce(d.population, c.population) > 0
ORDER BY d.zonage, d.code_zone, d.periode
