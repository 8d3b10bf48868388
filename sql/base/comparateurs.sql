-- une ligne par quartier, zonage de comparaison et zone de ce zonage où il se trouve
-- entrées : parts_surface (au plus une ligne par quartier et zone : la part de l'aire du quartier qui y est, d'après les
--           contours publiés ; des communes d'un quartier, s'il en touche plusieurs, et des zones déclarées et dessinées)
WITH communes AS (
  SELECT m.zonage, m.code_zone, m.code_commune,
    CASE WHEN count(*) OVER quartier = 1 THEN 1
      WHEN count(m.part_population) OVER quartier = count(*) OVER quartier THEN m.part_population
      ELSE p.part END AS part,
    CASE WHEN count(m.part_population) OVER quartier = count(*) OVER quartier THEN 'population' ELSE 'surface' END
      AS origine,
    count(*) OVER quartier AS communes
  FROM zones_communes m
  JOIN zones q ON q.zonage = m.zonage AND q.code_zone = m.code_zone AND q.famille = 'qpv'
  LEFT JOIN parts_surface p ON p.zonage = m.zonage AND p.code_zone = m.code_zone AND p.zonage_comparateur = 'commune'
    AND p.code_comparateur = m.code_commune
  WINDOW quartier AS (PARTITION BY m.zonage, m.code_zone)
),
liens AS (
  SELECT e.zonage, e.code_zone, z.famille AS sorte, z.zonage AS zonage_comparateur, z.code_zone AS code_comparateur
  FROM zones_epci e
  JOIN zones q ON q.zonage = e.zonage AND q.code_zone = e.code_zone AND q.famille = 'qpv'
  JOIN zones z ON z.famille = 'epci' AND z.code_zone = e.code_epci
  UNION
  SELECT c.zonage, c.code_zone, z.famille, z.zonage, z.code_zone
  FROM zones_contrats c
  JOIN zones q ON q.zonage = c.zonage AND q.code_zone = c.code_zone AND q.famille = 'qpv'
  JOIN zones z ON z.famille = 'contrat' AND z.code_zone = c.code_contrat
  UNION
  SELECT c.zonage, c.code_zone, z.famille, z.zonage, z.code_zone
  FROM communes c
  JOIN zones_communes m ON m.code_commune = c.code_commune
  JOIN zones z ON z.zonage = m.zonage AND z.code_zone = m.code_zone
  WHERE z.famille IN ('unite_urbaine', 'autre') AND coalesce(z.superficie_m2, 0) = 0
),
composees AS (
  SELECT l.zonage, l.code_zone, l.sorte, l.zonage_comparateur, l.code_comparateur,
    count(*) OVER (PARTITION BY l.zonage, l.code_zone, l.zonage_comparateur) AS zones, count(c.code_commune) AS dedans,
    any_value(c.communes) AS communes, any_value(c.origine) AS origine,
    CASE WHEN count(c.part) = count(c.code_commune) THEN sum(c.part) END AS part
  FROM liens l
  LEFT JOIN (
    communes c JOIN zones_communes m ON m.code_commune = c.code_commune
  ) ON c.zonage = l.zonage AND c.code_zone = l.code_zone AND m.zonage = l.zonage_comparateur
    AND m.code_zone = l.code_comparateur
  GROUP BY l.zonage, l.code_zone, l.sorte, l.zonage_comparateur, l.code_comparateur
),
toutes AS (
  SELECT zonage, code_zone, 'commune' AS sorte, 'commune' AS zonage_comparateur, code_commune AS code_comparateur, part,
    communes = 1 AS entier, origine
  FROM communes
  UNION ALL
  -- a quarter that is said to be in one EPCI, or in one contrat, is in it whole
  SELECT zonage, code_zone, sorte, zonage_comparateur, code_comparateur,
    CASE WHEN zones = 1 AND (sorte IN ('epci', 'contrat') OR dedans = communes) THEN 1 ELSE part END,
    zones = 1 AND (sorte IN ('epci', 'contrat') OR dedans = communes), origine
  FROM composees
  UNION ALL
  SELECT p.zonage, p.code_zone, z.famille, p.zonage_comparateur, p.code_comparateur, p.part, p.part = 1, 'surface'
  FROM parts_surface p
  JOIN zones z ON z.zonage = p.zonage_comparateur AND z.code_zone = p.code_comparateur
  WHERE p.zonage_comparateur <> 'commune'
  UNION ALL
  SELECT q.zonage, q.code_zone, 'territoire', t.zonage, t.code_zone, 1, true, NULL
  FROM zones q
  JOIN zones t ON t.famille = 'territoire'
  WHERE q.famille = 'qpv'
  UNION ALL
  SELECT zonage, code_zone, 'quartiers', zonage, zonage, 1, true, NULL FROM zones WHERE famille = 'qpv'
  UNION ALL
  SELECT DISTINCT zonage, code_zone, 'hors_quartiers', 'hors_quartiers', groupe, 1, true, NULL FROM groupes_quartiers
)
SELECT t.zonage, t.code_zone,
  CASE WHEN t.sorte <> 'autre' THEN t.sorte
    WHEN t.zonage_comparateur ^@ 'departement' THEN 'departement'
    WHEN t.zonage_comparateur ^@ 'region' THEN 'region'
    ELSE 'perimetre_local' END AS sorte,
  t.zonage_comparateur, t.code_comparateur,
  CASE t.sorte WHEN 'quartiers' THEN 'Ensemble des quartiers'
    WHEN 'hors_quartiers' THEN 'Hors des quartiers'
    ELSE z.nom END AS nom,
  t.part, CASE WHEN t.entier THEN 'entier' WHEN t.part IS NOT NULL THEN t.origine END AS origine_part
FROM toutes t
LEFT JOIN zones z ON z.zonage = t.zonage_comparateur AND z.code_zone = t.code_comparateur
ORDER BY t.zonage, t.code_zone, sorte, t.zonage_comparateur, t.code_comparateur
