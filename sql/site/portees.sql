-- une ligne par indicateur choisi, quartier et période d'avant son périmètre : sa valeur portée de la génération d'avant
-- entrée : choix, une condition sur indicateur ; total seulement
-- `autre` : le périmètre était autre ; sinon la valeur est celle du quartier d'avant, avec son statut
WITH portees AS (
  SELECT zonage, code_zone, zonage_depart, indicateur, periode, periode_debut, valeur, borne_basse, borne_haute,
    coalesce(motif_rupture, '') = 'perimetre' AS autre
  FROM series_generations
  WHERE {choix} AND origine = 'portee' AND retenue AND modalite = 'ensemble' AND valeur IS NOT NULL
),
reprises AS (
  SELECT p.zonage_arrivee AS zonage, p.code_arrivee AS code_zone, p.zonage_depart, v.indicateur, v.periode,
    v.statut_observation
  FROM passages p
  JOIN valeurs v ON v.zonage = p.zonage_depart AND v.code_zone = p.code_depart
  WHERE p.nature = 'inchange' AND v.modalite = 'ensemble' AND {choix}
)
SELECT zonage, code_zone, indicateur, periode, periode_debut, valeur, borne_basse, borne_haute, autre,
  CASE WHEN NOT autre THEN statut_observation END AS statut
FROM portees
LEFT JOIN reprises USING (zonage, code_zone, zonage_depart, indicateur, periode)
ORDER BY zonage, code_zone, indicateur, periode_debut
