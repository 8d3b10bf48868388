-- une ligne par valeur : la série d'un indicateur dans une zone, et son évolution depuis la période précédente
WITH bornes AS (
  SELECT indicateur, motif, periode AS de, row_number() OVER rangees AS segment,
    lead(periode, 1, '9999-Z') OVER rangees AS avant
  FROM ruptures
  WINDOW rangees AS (PARTITION BY indicateur ORDER BY periode)
),
segmentees AS (
  SELECT v.zonage, v.code_zone, z.nom AS zone, v.indicateur, i.titre, i.unite, i.decimales, v.modalite, v.periode, v.frequence,
    v.periode_debut, v.valeur, v.statut_observation, v.statut_diffusion, b.motif, coalesce(b.segment, 0) AS segment
  FROM valeurs v
  JOIN indicateurs i ON i.indicateur = v.indicateur
  LEFT JOIN zones z ON z.zonage = v.zonage AND z.code_zone = v.code_zone
  -- periods of one frequency are in the order of their names
  LEFT JOIN bornes b ON b.indicateur = v.indicateur AND v.periode >= b.de AND v.periode < b.avant
),
suivies AS (
  SELECT *,
    coalesce(lag(segment) OVER serie <> segment, false) AS rupture,
    CASE WHEN lag(segment) OVER serie = segment THEN lag(periode) OVER serie END AS periode_precedente,
    CASE WHEN lag(segment) OVER serie = segment THEN lag(valeur) OVER serie END AS valeur_precedente
  FROM segmentees
  WINDOW serie AS (PARTITION BY zonage, code_zone, indicateur, modalite ORDER BY periode_debut)
)
SELECT zonage, code_zone, zone, indicateur, titre, unite, modalite, periode, frequence, periode_debut, valeur,
  statut_observation, statut_diffusion, rupture, CASE WHEN rupture THEN motif END AS motif_rupture,
  periode_precedente, valeur_precedente, round(valeur - valeur_precedente, CAST(decimales AS INTEGER)) AS evolution
FROM suivies
