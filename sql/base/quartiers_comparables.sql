-- une ligne par quartier et rang, de 1 à 10 : les quartiers de sa génération qui lui ressemblent le plus
-- Structure alone, never an indicator of what is compared. Deviations are robust (median and MAD) and capped, so that one
-- odd quarter neither makes the scale nor a neighbour. Ties of distances, rounded, go to the smallest code.
WITH habitants AS (
  SELECT zonage, code_zone, arg_max(population, periode) AS population
  FROM populations
  GROUP BY zonage, code_zone
),
agglomerations AS (
  -- of the unité urbaine, else of the commune; the larger one, for a quarter that is in two
  SELECT zonage, code_zone,
    coalesce(max(population) FILTER (sorte = 'unite_urbaine'), max(population) FILTER (sorte = 'commune')) AS population
  FROM (
    SELECT c.zonage, c.code_zone, c.sorte, max(h.population) AS population
    FROM comparateurs c
    JOIN habitants h ON h.zonage = c.zonage_comparateur AND h.code_zone = c.code_comparateur
    WHERE c.sorte IN ('unite_urbaine', 'commune')
    GROUP BY c.zonage, c.code_zone, c.sorte
  )
  GROUP BY zonage, code_zone
),
quartiers AS (
  SELECT z.zonage, z.code_zone, coalesce(z.territoire <> 'hexagone', false) AS outre_mer,
    h.population, z.superficie_m2, a.population AS agglomeration
  FROM zones z
  LEFT JOIN habitants h ON h.zonage = z.zonage AND h.code_zone = z.code_zone
  LEFT JOIN agglomerations a ON a.zonage = z.zonage AND a.code_zone = z.code_zone
  WHERE z.famille = 'qpv'
),
mesures AS (
  SELECT zonage, code_zone, outre_mer, 'population' AS caracteristique, ln(population) AS x FROM quartiers
  WHERE population > 0
  UNION ALL
  SELECT zonage, code_zone, outre_mer, 'densite', ln(1e6 * population / superficie_m2) FROM quartiers
  WHERE population > 0 AND superficie_m2 > 0
  UNION ALL
  SELECT zonage, code_zone, outre_mer, 'superficie', ln(superficie_m2) FROM quartiers WHERE superficie_m2 > 0
  UNION ALL
  SELECT zonage, code_zone, outre_mer, 'agglomeration', ln(agglomeration) FROM quartiers WHERE agglomeration > 0
),
echelles AS (
  SELECT zonage, caracteristique, median(x) AS milieu,
    CASE WHEN mad(x) > 0 THEN 1.4826 * mad(x) ELSE stddev_samp(x) END AS ecart
  FROM mesures
  GROUP BY zonage, caracteristique
),
profils AS (
  SELECT m.zonage, m.code_zone, m.outre_mer,
    max((m.x - e.milieu) / e.ecart) FILTER (m.caracteristique = 'population') AS population,
    max((m.x - e.milieu) / e.ecart) FILTER (m.caracteristique = 'densite') AS densite,
    max((m.x - e.milieu) / e.ecart) FILTER (m.caracteristique = 'superficie') AS superficie,
    max((m.x - e.milieu) / e.ecart) FILTER (m.caracteristique = 'agglomeration') AS agglomeration
  FROM mesures m
  JOIN echelles e ON e.zonage = m.zonage AND e.caracteristique = m.caracteristique AND e.ecart > 0
  GROUP BY m.zonage, m.code_zone, m.outre_mer
),
lus AS (
  -- the area adds nothing to population and density: it is read where one of them is not known
  SELECT zonage, code_zone, row_number() OVER (PARTITION BY zonage ORDER BY code_zone) AS numero, outre_mer, population,
    densite, agglomeration, CASE WHEN population IS NULL OR densite IS NULL THEN superficie END AS superficie,
    superficie AS superficie_aussi,
    (population IS NOT NULL)::INTEGER + (densite IS NOT NULL)::INTEGER + (agglomeration IS NOT NULL)::INTEGER
      + (superficie IS NOT NULL AND (population IS NULL OR densite IS NULL))::INTEGER AS mesurees,
    concat_ws(', ', CASE WHEN population IS NOT NULL THEN 'population' END,
      CASE WHEN densite IS NOT NULL THEN 'densite' END,
      CASE WHEN superficie IS NOT NULL AND (population IS NULL OR densite IS NULL) THEN 'superficie' END,
      CASE WHEN agglomeration IS NOT NULL THEN 'agglomeration' END) AS caracteristiques
  FROM profils
),
paires AS (
  SELECT q.zonage, q.code_zone, a.numero,
    -- in millionths; `least` passes nulls over: what is not read is no difference
    CAST(round(1e6 * sqrt((
      least(coalesce(abs(q.population - a.population), 0), 5) ** 2 + least(coalesce(abs(q.densite - a.densite), 0), 5) ** 2
      + least(coalesce(abs(q.superficie - a.superficie_aussi), 0), 5) ** 2
      + least(coalesce(abs(q.agglomeration - a.agglomeration), 0), 5) ** 2
      + CASE WHEN q.outre_mer = a.outre_mer THEN 0 ELSE 4 END) / (q.mesurees + 1))) AS BIGINT) AS distance
  FROM lus q
  JOIN lus a ON a.zonage = q.zonage AND a.code_zone <> q.code_zone
  -- one has all that the other is compared by: distances over different features are not in one order
  WHERE (q.population IS NULL OR a.population IS NOT NULL) AND (q.densite IS NULL OR a.densite IS NOT NULL)
    AND (q.superficie IS NULL OR a.superficie_aussi IS NOT NULL)
    AND (q.agglomeration IS NULL OR a.agglomeration IS NOT NULL) AND q.mesurees >= 2
),
proches AS (
  -- one integer says the distance, then the rank of the code: ten of them are kept of millions without a sort
  SELECT zonage, code_zone, min(distance * 1000000 + numero, 10) AS dix
  FROM paires
  GROUP BY zonage, code_zone
  -- ten of fewer than thirty would be a third of all quarters, and no neighbours
  HAVING count(*) >= 30
),
rangees AS (
  SELECT zonage, code_zone, unnest(dix) AS cle, generate_subscripts(dix, 1) AS rang
  FROM proches
)
SELECT r.zonage, r.code_zone, r.rang, a.code_zone AS code_comparable, (r.cle // 1000000) / 1e6 AS distance,
  q.caracteristiques || ', outre_mer' AS caracteristiques
FROM rangees r
JOIN lus q ON q.zonage = r.zonage AND q.code_zone = r.code_zone
JOIN lus a ON a.zonage = r.zonage AND a.numero = r.cle % 1000000
ORDER BY r.zonage, r.code_zone, r.rang
