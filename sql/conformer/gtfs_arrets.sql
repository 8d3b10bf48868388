-- une ligne par lieu de stops.txt (quai, station, accès…), et par arrêt que des passages nomment sans qu'il le décrive
-- membre stops : stop_id, stop_name?, stop_lat?, stop_lon?, location_type?, parent_station?, wheelchair_boarding?
-- membre trips : trip_id, route_id
-- membre stop_times : trip_id, stop_id
-- membre routes : route_id, route_type, agency_id?
-- membre agency? : agency_id?, agency_name
-- conventions :
--  * un type absent est 0, un point d'arrêt ; des coordonnées absentes restent inconnues, même si la station en a.
--  * accessibilité absente ou 0 : celle de la station, comme GTFS le dit.
--  * lignes, modes et exploitants d'une station : ceux de ses quais. `desservi` : un passage au moins y est écrit.
--  * modes étendus (100 à 1799) ramenés à leur famille.
WITH liens AS (
  SELECT DISTINCT p.stop_id, t.route_id
  FROM stop_times p
  LEFT JOIN (SELECT trip_id, min(route_id) AS route_id FROM trips GROUP BY trip_id) t USING (trip_id)
),
lignes AS (
  SELECT route_id, min(agency_id) AS agency_id, min(TRY_CAST(route_type AS INTEGER)) AS type
  FROM routes WHERE route_id IS NOT NULL GROUP BY route_id
),
exploitants AS (
  SELECT agency_id, min(agency_name) AS nom, count(*) OVER () AS total FROM agency GROUP BY agency_id
),
decrites AS (
  SELECT l.route_id, coalesce(e.nom, seul.nom, l.agency_id) AS exploitant,
    CASE WHEN l.type IN (0, 5) OR l.type BETWEEN 900 AND 999 THEN 'tramway'
         WHEN l.type = 1 OR l.type BETWEEN 400 AND 404 OR l.type BETWEEN 500 AND 699 THEN 'metro'
         WHEN l.type IN (2, 12) OR l.type BETWEEN 100 AND 199 OR l.type BETWEEN 300 AND 399 OR l.type = 405 THEN 'train'
         WHEN l.type IN (3, 11) OR l.type BETWEEN 700 AND 899 THEN 'bus'
         WHEN l.type BETWEEN 200 AND 299 THEN 'autocar'
         WHEN l.type = 4 OR l.type BETWEEN 1000 AND 1099 OR l.type BETWEEN 1200 AND 1299 THEN 'bateau'
         WHEN l.type = 6 OR l.type BETWEEN 1300 AND 1399 THEN 'telepherique'
         WHEN l.type = 7 OR l.type BETWEEN 1400 AND 1499 THEN 'funiculaire'
         WHEN l.type BETWEEN 1500 AND 1599 THEN 'taxi'
         ELSE 'autre' END AS mode
  FROM lignes l
  LEFT JOIN exploitants e USING (agency_id)
  -- Une ligne sans exploitant est de l'unique exploitant du réseau.
  LEFT JOIN exploitants seul ON l.agency_id IS NULL AND seul.total = 1
),
lieux AS (
  SELECT stop_id, stop_name, stop_lat, stop_lon, coalesce(location_type, '0') AS location_type, parent_station,
    wheelchair_boarding
  FROM stops
),
rattaches AS (
  SELECT stop_id, stop_id AS lieu FROM liens
  UNION
  SELECT l.stop_id, s.parent_station FROM liens l JOIN lieux s USING (stop_id) WHERE s.parent_station IS NOT NULL
),
desserte AS (
  SELECT r.lieu AS stop_id, count(DISTINCT l.route_id) AS nb_lignes,
    string_agg(DISTINCT d.mode, '|' ORDER BY d.mode) AS modes,
    string_agg(DISTINCT d.exploitant, '|' ORDER BY d.exploitant) AS exploitants,
    coalesce(bool_or(d.mode IN ('metro', 'tramway', 'train', 'telepherique', 'funiculaire')), false) AS mode_lourd
  FROM rattaches r JOIN liens l USING (stop_id) LEFT JOIN decrites d USING (route_id)
  GROUP BY r.lieu
),
stations AS (
  SELECT stop_id, min(stop_name) AS nom, min(wheelchair_boarding) AS acces FROM lieux WHERE location_type = '1'
  GROUP BY stop_id
),
tous AS (
  SELECT * FROM lieux
  UNION ALL
  SELECT DISTINCT stop_id, NULL, NULL, NULL, '0', NULL, NULL FROM liens
  WHERE stop_id IS NULL OR stop_id NOT IN (SELECT stop_id FROM lieux WHERE stop_id IS NOT NULL)
)
SELECT t.stop_id, t.stop_name, t.stop_lat, t.stop_lon, t.location_type, t.parent_station, s.nom AS station,
  coalesce(nullif(t.wheelchair_boarding, '0'), s.acces, '0') AS acces_fauteuil, d.stop_id IS NOT NULL AS desservi,
  coalesce(d.nb_lignes, 0) AS nb_lignes, d.modes, coalesce(d.mode_lourd, false) AS mode_lourd, d.exploitants
FROM tous t
LEFT JOIN stations s ON s.stop_id = t.parent_station
LEFT JOIN desserte d ON d.stop_id = t.stop_id
