-- une ligne par ligne de l'extrait dont la commune est du site, avec `motif`, pourquoi elle est rejetée, ou nul
-- entrées : la vue lot, des textes ; $positions, les sortes de positions, la meilleure d'abord
SELECT id, n, suffixe, voie, code_postal, code_insee, commune, nom_commune, ancienne, nom_ancienne, p_lon AS lon,
  p_lat AS lat, coalesce(list_position($positions, lower(type_position)), 99)::INTEGER AS rang,
  CASE
    WHEN n IS NULL OR n > 99999 OR length(suffixe) > 20 THEN 'numero_illisible'
    WHEN voie = '' THEN 'voie_absente'
    WHEN length(voie) > 250 THEN 'voie_illisible'
    WHEN NOT coalesce(isfinite(p_lon) AND isfinite(p_lat) AND abs(p_lon) <= 180 AND abs(p_lat) <= 90
      AND (p_lon <> 0 OR p_lat <> 0), false) THEN 'position_absente' END AS motif
FROM (
  SELECT *, TRY_CAST(numero AS UINTEGER) AS n, TRY_CAST(lon AS DOUBLE) AS p_lon, TRY_CAST(lat AS DOUBLE) AS p_lat,
    lower(trim(regexp_replace(rep, '[\p{C}\p{Z}]+', ' ', 'g'))) AS suffixe,
    trim(regexp_replace(nom_voie, '[\p{C}\p{Z}]+', ' ', 'g')) AS voie,
    left(trim(regexp_replace(nom_ancienne_commune, '[\p{C}\p{Z}]+', ' ', 'g')), 100) AS nom_ancienne,
    left(code_insee_ancienne_commune, 5) AS ancienne
  FROM (SELECT * REPLACE (left(code_postal, 5) AS code_postal,
    left(trim(regexp_replace(nom_commune, '[\p{C}\p{Z}]+', ' ', 'g')), 100) AS nom_commune) FROM lot)
)
