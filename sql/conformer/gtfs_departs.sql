-- une ligne par arrêt (quai ou poteau) et jour de la semaine : ses départs à la date de référence de ce jour
-- membre stops : stop_id, stop_name?, stop_lat?, stop_lon?, location_type?, parent_station?
-- membre trips : trip_id, service_id
-- membre stop_times : trip_id, stop_id, stop_sequence, departure_time?, arrival_time?, pickup_type?
-- membre calendar? : service_id, monday, tuesday, wednesday, thursday, friday, saturday, sunday, start_date, end_date
-- membre calendar_dates? : service_id, date, exception_type
-- membre frequencies? : trip_id, start_time, end_time, headway_secs
-- membre feed_info? : feed_start_date?, feed_end_date?
-- conventions :
--  * date de référence d'un jour de la semaine : celle où le réseau fait le plus de courses, la première en cas
--    d'égalité, dans la validité des services (bornée par feed_info). Un jour qui a existé, hors vacances et jours
--    fériés quand la validité en sort : une moyenne dépendrait de la part de vacances que la livraison contient.
--  * un départ : un passage qui n'est pas le dernier de sa course et où l'on peut monter (pickup_type autre que 1) ;
--    l'heure est celle du départ, à défaut de l'arrivée ; un passage sans heure compte, sans heure.
--  * une heure au-delà de 24:00 est au jour de service de sa course : 25:10:00 fait 90 600 s.
--  * fréquences : un départ à start_time puis tous les headway_secs, avant end_time ; la course du modèle ne compte pas.
--  * jour sans aucune date dans la validité : inconnu (nul), et non zéro.
WITH jours (rang, jour) AS (
  VALUES (1, 'lundi'), (2, 'mardi'), (3, 'mercredi'), (4, 'jeudi'), (5, 'vendredi'), (6, 'samedi'), (7, 'dimanche')
),
rythmes AS (
  SELECT trip_id, debut, pas, CAST(ceil((fin - debut) / pas) AS BIGINT) AS departs
  FROM (
    SELECT trip_id, TRY_CAST(headway_secs AS INTEGER) AS pas,
      TRY_CAST(h[1] AS INTEGER) * 3600 + TRY_CAST(h[2] AS INTEGER) * 60 + TRY_CAST(h[3] AS INTEGER) AS debut,
      TRY_CAST(f[1] AS INTEGER) * 3600 + TRY_CAST(f[2] AS INTEGER) * 60 + TRY_CAST(f[3] AS INTEGER) AS fin
    FROM (SELECT DISTINCT *, string_split(start_time, ':') AS h, string_split(end_time, ':') AS f FROM frequencies)
  )
  WHERE pas > 0 AND fin > debut
),
courses AS MATERIALIZED (
  -- Cardinalité : un trip_id écrit deux fois ne fait pas deux courses.
  SELECT t.trip_id, row_number() OVER () AS course, t.service_id, coalesce(r.departs, 1) AS departs,
    r.trip_id IS NOT NULL AS cadencee
  FROM (SELECT trip_id, min(service_id) AS service_id FROM trips WHERE trip_id IS NOT NULL GROUP BY trip_id) t
  LEFT JOIN (SELECT trip_id, sum(departs) AS departs FROM rythmes GROUP BY trip_id) r USING (trip_id)
),
-- 1. Les services : courses de chaque date, sans dérouler services × dates (des calendriers courent jusqu'en 2099).
services AS (
  SELECT service_id, sum(departs) AS n FROM courses WHERE service_id IS NOT NULL GROUP BY service_id
),
reguliers AS (
  SELECT c.service_id, s.n, CAST(try_strptime(start_date, '%Y%m%d') AS DATE) AS debut,
    CAST(try_strptime(end_date, '%Y%m%d') AS DATE) AS fin,
    [monday = '1', tuesday = '1', wednesday = '1', thursday = '1', friday = '1', saturday = '1', sunday = '1'] AS actif
  FROM calendar c JOIN services s USING (service_id)
  QUALIFY row_number() OVER (PARTITION BY c.service_id ORDER BY start_date, end_date, actif) = 1
),
exceptions AS (
  -- Ajouté et retiré le même jour : retiré.
  SELECT e.service_id, s.n, e.jour, e.ajoute
  FROM (
    SELECT service_id, CAST(try_strptime("date", '%Y%m%d') AS DATE) AS jour, max(exception_type) = '1' AS ajoute
    FROM calendar_dates WHERE exception_type IN ('1', '2') GROUP BY ALL
  ) e
  JOIN services s USING (service_id)
  WHERE e.jour IS NOT NULL
),
validite AS (
  SELECT least(r.debut, a.debut) AS debut, greatest(r.fin, a.fin) AS fin
  FROM (SELECT min(debut) AS debut, max(fin) AS fin FROM reguliers WHERE debut <= fin AND list_bool_or(actif)) r,
    (SELECT min(jour) AS debut, max(jour) AS fin FROM exceptions WHERE ajoute) a
),
publiee AS (
  SELECT CAST(min(try_strptime(feed_start_date, '%Y%m%d')) AS DATE) AS debut,
    CAST(max(try_strptime(feed_end_date, '%Y%m%d')) AS DATE) AS fin
  FROM feed_info
),
bornes AS (
  -- Une publication qui ne touche pas ses propres services ne borne rien.
  SELECT CASE WHEN touche THEN greatest(debut, p_debut) ELSE debut END AS debut,
    CASE WHEN touche THEN least(fin, p_fin) ELSE fin END AS fin
  FROM (SELECT v.debut, v.fin, p.debut AS p_debut, p.fin AS p_fin,
      v.debut IS NOT NULL AND coalesce(greatest(v.debut, p.debut) <= least(v.fin, p.fin), false) AS touche
    FROM validite v, publiee p)
),
dates AS (
  SELECT isodow(jour) AS rang, jour
  FROM (SELECT CAST(unnest(generate_series(debut, fin, INTERVAL 1 DAY)) AS DATE) AS jour FROM bornes)
),
paliers AS (
  SELECT rang, jour, sum(sum(n)) OVER (PARTITION BY rang ORDER BY jour) AS n
  FROM (
    SELECT unnest(range(1, 8)) AS rang, unnest(actif) AS actif, debut AS jour, n FROM reguliers WHERE debut <= fin
    UNION ALL
    SELECT unnest(range(1, 8)), unnest(actif), fin + 1, -n FROM reguliers WHERE debut <= fin
  )
  WHERE actif GROUP BY rang, jour
),
ecarts AS (
  SELECT e.jour, sum(CASE WHEN e.ajoute AND NOT prevu THEN n WHEN prevu AND NOT e.ajoute THEN -n ELSE 0 END) AS n
  FROM (
    SELECT x.*, coalesce(x.jour BETWEEN r.debut AND r.fin AND r.actif[isodow(x.jour)], false) AS prevu
    FROM exceptions x LEFT JOIN reguliers r USING (service_id)
  ) e
  GROUP BY e.jour
),
references_ AS (
  SELECT d.rang, d.jour
  FROM dates d ASOF LEFT JOIN paliers p ON p.rang = d.rang AND p.jour <= d.jour LEFT JOIN ecarts e ON e.jour = d.jour
  QUALIFY row_number() OVER (
    PARTITION BY d.rang ORDER BY coalesce(p.n, 0) + coalesce(e.n, 0) DESC, d.jour) = 1
),
actifs AS (
  SELECT d.rang, s.service_id
  FROM references_ d CROSS JOIN services s
  LEFT JOIN reguliers r ON r.service_id = s.service_id
  LEFT JOIN exceptions x ON x.service_id = s.service_id AND x.jour = d.jour
  WHERE coalesce(x.ajoute, d.jour BETWEEN r.debut AND r.fin AND r.actif[d.rang], false)
),
-- 2. Les passages : départs, premier et dernier, de chaque arrêt et service.
passages AS MATERIALIZED (
  SELECT c.course, p.stop_id, TRY_CAST(p.stop_sequence AS INTEGER) AS rang,
    p.pickup_type IS DISTINCT FROM '1' AS on_y_monte,
    TRY_CAST(epoch(TRY_CAST(coalesce(p.departure_time, p.arrival_time) AS INTERVAL)) AS INTEGER) AS seconde
  FROM stop_times p LEFT JOIN courses c USING (trip_id)
),
etendues AS (
  SELECT course, max(rang) AS dernier, min(seconde) AS debut FROM passages WHERE course IS NOT NULL GROUP BY course
),
departs AS MATERIALIZED (
  SELECT p.stop_id, p.seconde, p.seconde - e.debut AS decalage, c.trip_id, c.service_id, c.cadencee
  FROM passages p JOIN etendues e USING (course) JOIN courses c USING (course)
  WHERE p.on_y_monte AND coalesce(p.rang < e.dernier, true)
),
par_service AS (
  SELECT stop_id, service_id, count(*) AS n, count(*) - count(seconde) AS sans_heure, min(seconde) AS premier,
    max(seconde) AS dernier
  FROM departs WHERE NOT cadencee GROUP BY stop_id, service_id
  UNION ALL
  SELECT d.stop_id, d.service_id, sum(r.departs), coalesce(sum(r.departs) FILTER (d.decalage IS NULL), 0),
    min(r.debut + d.decalage), max(r.debut + (r.departs - 1) * r.pas + d.decalage)
  FROM departs d JOIN rythmes r USING (trip_id) GROUP BY d.stop_id, d.service_id
),
par_jour AS (
  SELECT s.stop_id, a.rang, sum(s.n) AS n, sum(s.sans_heure) AS sans_heure, min(s.premier) AS premier,
    max(s.dernier) AS dernier
  FROM par_service s JOIN actifs a USING (service_id) GROUP BY s.stop_id, a.rang
),
-- 3. Les arrêts : ceux de stops.txt où un véhicule s'arrête, et ceux que des passages nomment sans qu'il les décrive.
servis AS (
  SELECT stop_id, count(*) FILTER (course IS NULL) AS orphelins FROM passages GROUP BY stop_id
),
arrets AS (
  SELECT s.stop_id, s.stop_name, s.stop_lat, s.stop_lon, s.parent_station, coalesce(v.orphelins, 0) AS orphelins
  FROM stops s LEFT JOIN servis v ON v.stop_id = s.stop_id
  WHERE coalesce(s.location_type, '0') = '0' OR v.stop_id IS NOT NULL
  UNION ALL
  SELECT v.stop_id, NULL, NULL, NULL, NULL, v.orphelins
  FROM servis v WHERE v.stop_id IS NULL OR v.stop_id NOT IN (SELECT stop_id FROM stops WHERE stop_id IS NOT NULL)
)
SELECT a.stop_id, a.stop_name, a.stop_lat, a.stop_lon, a.parent_station, j.jour, r.jour AS date_reference,
  CASE WHEN r.jour IS NOT NULL THEN coalesce(d.n, 0) END AS departs,
  CASE WHEN r.jour IS NOT NULL THEN coalesce(d.sans_heure, 0) END AS departs_sans_heure,
  d.premier AS premier_depart_s, d.dernier AS dernier_depart_s, a.orphelins AS passages_orphelins
FROM arrets a
CROSS JOIN jours j
LEFT JOIN references_ r ON r.rang = j.rang
LEFT JOIN par_jour d ON d.stop_id = a.stop_id AND d.rang = j.rang
