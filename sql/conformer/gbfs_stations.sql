-- une ligne par station de vélos ou d'engins partagés : ce qu'elle peut tenir, et ce qu'elle tenait à son dernier relevé
-- membre station_information [data.stations] : station_id, nom=name.0.text|name?, lat?, lon?, capacity?
-- membre station_status? [data.stations] : station_id, velos=num_bikes_available|num_vehicles_available?
-- membre station_status? [data.stations] : places=num_docks_available?, is_installed?, is_renting?, last_reported?
-- membre station_status? [data.stations] : hors_service=num_bikes_disabled|num_vehicles_disabled?
-- membre station_status? [data.stations] : releve_le=/last_updated?
-- conventions :
--  * GBFS 1 à 3 : noms traduits, booléens en 0/1 ou true/false, heures en secondes depuis 1970 ou en RFC 3339.
--  * une station sans état n'a pas zéro vélo : ses disponibilités sont inconnues.
--  * un état sans station garde sa ligne, de lieu inconnu.
--  * heure du relevé : celle de la station, à défaut celle du fichier.
WITH informations AS (
  SELECT station_id, min(nom) AS nom, min(lat) AS lat, min(lon) AS lon, min(capacity) AS capacite
  FROM station_information GROUP BY station_id
),
etats AS (
  SELECT *, coalesce(
      make_timestamp(TRY_CAST(moment AS BIGINT) * 1000000),
      CAST(TRY_CAST(moment AS TIMESTAMPTZ) AS TIMESTAMP)) AS releve
  FROM (SELECT * EXCLUDE (last_reported), coalesce(last_reported, releve_le) AS moment FROM station_status)
  -- Cardinalité : d'une station écrite deux fois, le dernier relevé.
  QUALIFY row_number() OVER (PARTITION BY station_id ORDER BY releve DESC NULLS LAST, velos, places) = 1
)
SELECT coalesce(i.station_id, e.station_id) AS station_id, i.nom, i.lat, i.lon, i.capacite,
  e.velos, e.hors_service, e.places,
  CASE WHEN e.is_installed IN ('0', 'false') THEN false WHEN e.is_installed IN ('1', 'true') THEN true END AS installee,
  CASE WHEN e.is_renting IN ('0', 'false') THEN false WHEN e.is_renting IN ('1', 'true') THEN true END AS en_location,
  strftime(e.releve, '%Y-%m-%dT%H:%M:%SZ') AS releve_le
FROM informations i FULL JOIN etats e ON e.station_id = i.station_id
