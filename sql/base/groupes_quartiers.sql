-- une ligne par quartier et partie de son groupe de communes : ce qui s'ajoute, et ce qui s'ôte
-- Communes that share a quarter are one group, since the part of the quarter that is in each of them is not published.
WITH RECURSIVE membres AS (
  SELECT m.zonage, m.code_zone, m.code_commune
  FROM zones_communes m
  JOIN zones z ON z.zonage = m.zonage AND z.code_zone = m.code_zone
  WHERE z.famille = 'qpv'
),
liens AS (
  SELECT DISTINCT a.zonage, a.code_commune, b.code_commune AS autre
  FROM membres a
  JOIN membres b ON b.zonage = a.zonage AND b.code_zone = a.code_zone
),
atteintes AS (
  SELECT zonage, code_commune, autre FROM liens
  UNION
  SELECT t.zonage, t.code_commune, l.autre
  FROM atteintes t
  JOIN liens l ON l.zonage = t.zonage AND l.code_commune = t.autre
),
groupes AS (
  SELECT zonage, code_commune, min(autre) AS groupe
  FROM atteintes
  GROUP BY zonage, code_commune
),
parties AS (
  SELECT zonage, groupe, 'commune' AS zonage_partie, code_commune AS code_partie, 1 AS signe FROM groupes
  UNION ALL
  SELECT zonage, groupe, 'non_localise', code_commune, -1 FROM groupes
  UNION ALL
  SELECT DISTINCT m.zonage, g.groupe, m.zonage, m.code_zone, -1
  FROM membres m
  JOIN groupes g ON g.zonage = m.zonage AND g.code_commune = m.code_commune
)
SELECT q.zonage, q.code_partie AS code_zone, q.groupe, p.zonage_partie, p.code_partie, p.signe
FROM parties q
JOIN parties p ON p.zonage = q.zonage AND p.groupe = q.groupe
WHERE q.zonage_partie = q.zonage
ORDER BY q.zonage, code_zone, p.zonage_partie, p.code_partie
