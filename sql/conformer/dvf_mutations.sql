-- une ligne par mutation : son prix une fois, ses locaux comptés, et son lieu quand elle n'en a qu'un
-- membre livraison : id_mutation, numero_disposition, date_mutation, nature_mutation, valeur_fonciere, code_commune
-- membre livraison : id_parcelle, lot1_numero, type_local, surface_reelle_bati, longitude, latitude
-- conventions :
--  * le prix est répété sur chaque ligne d'une disposition ; celui d'une mutation est la somme de ses dispositions.
--  * `prix_differents` : nombre de prix distincts dans la mutation (1 : le prix est sûr).
--  * une ligne de local est répétée pour chaque nature de terrain de sa parcelle : les lignes pareilles n'en font qu'une.
--  * plusieurs points à plus de 100 m (0,001 degré) les uns des autres : aucun lieu.
WITH locaux AS (
  SELECT DISTINCT id_mutation, numero_disposition, date_mutation, nature_mutation, valeur_fonciere, code_commune,
    id_parcelle, lot1_numero, type_local, surface_reelle_bati, longitude, latitude
  FROM livraison
),
dispositions AS (
  SELECT id_mutation, numero_disposition, max(TRY_CAST(valeur_fonciere AS DECIMAL(18, 2))) AS prix
  FROM locaux GROUP BY ALL
),
prix AS (SELECT id_mutation, sum(prix) AS prix FROM dispositions GROUP BY id_mutation),
mutations AS (
  SELECT id_mutation, min(date_mutation) AS date_mutation, min(nature_mutation) AS nature_mutation,
    min(code_commune) AS code_commune, count(DISTINCT valeur_fonciere) AS prix_differents,
    count(DISTINCT id_parcelle) AS parcelles,
    count(*) FILTER (type_local = 'Appartement') AS appartements,
    count(*) FILTER (type_local = 'Maison') AS maisons,
    count(*) FILTER (type_local NOT IN ('Appartement', 'Maison', 'Dépendance')) AS locaux_activite,
    sum(TRY_CAST(surface_reelle_bati AS DECIMAL(18, 2)))
      FILTER (type_local IN ('Appartement', 'Maison')) AS surface_bati_m2,
    min(TRY_CAST(longitude AS DOUBLE)) AS xmin, max(TRY_CAST(longitude AS DOUBLE)) AS xmax,
    min(TRY_CAST(latitude AS DOUBLE)) AS ymin, max(TRY_CAST(latitude AS DOUBLE)) AS ymax
  FROM locaux GROUP BY id_mutation
)
SELECT m.id_mutation, m.date_mutation, m.nature_mutation, p.prix, m.prix_differents, m.code_commune, m.parcelles,
  m.appartements, m.maisons, m.locaux_activite, m.surface_bati_m2,
  CASE WHEN m.xmax - m.xmin <= 0.001 AND m.ymax - m.ymin <= 0.001 THEN (m.xmin + m.xmax) / 2 END AS longitude,
  CASE WHEN m.xmax - m.xmin <= 0.001 AND m.ymax - m.ymin <= 0.001 THEN (m.ymin + m.ymax) / 2 END AS latitude
-- Cardinalité : une ligne de prix par mutation.
FROM mutations m JOIN prix p USING (id_mutation)
