-- une ligne par adresse : celle de ses positions qui est la plus près de la porte, et si toutes sont du même côté
-- entrées : la table retenues, une ligne par position
SELECT code_insee, min(commune) AS commune, min(nom_commune) AS nom_commune, voie, code_postal, ancienne,
  min(nom_ancienne) AS nom_ancienne, n, suffixe,
  arg_min(reponse, {'rang': rang, 'id': id, 'lon': lon, 'lat': lat}) AS reponse, min(rang) AS rang,
  count(DISTINCT endroit) > 1 AS partagee
FROM retenues
GROUP BY code_insee, voie, code_postal, ancienne, n, suffixe
ORDER BY code_insee, voie, code_postal, ancienne, n, suffixe
