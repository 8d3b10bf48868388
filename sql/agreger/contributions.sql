-- une ligne par zonage, zone, période et modalité (« ensemble » compris) où au moins un enregistrement compte
-- entrée : vue mesures_zones, une ligne par enregistrement et zone
WITH apports AS (
  SELECT zonage, code_zone, periode, modalite,
    GROUPING(modalite) AS est_ensemble, GROUPING(contributeur) AS est_total, contributeur,
    count(*) AS n_lignes,
    sum(CAST(numerateur AS DECIMAL(38, 9))) AS somme_numerateur,
    sum(CAST(denominateur AS DECIMAL(38, 9))) AS somme_denominateur,
    count(DISTINCT cle_distincte) AS n_distincts,
    count(DISTINCT unite) FILTER (numerateur IS NOT NULL OR denominateur IS NOT NULL) AS u_total,
    count(DISTINCT unite) FILTER (numerateur <> 0) AS u_numerateur,
    count(DISTINCT unite) FILTER (denominateur <> 0) AS u_denominateur,
    count(DISTINCT unite) FILTER (denominateur IS DISTINCT FROM numerateur AND denominateur IS NOT NULL) AS u_complement,
    sum(effectif) FILTER (numerateur IS NOT NULL OR denominateur IS NOT NULL) AS e_total,
    sum(effectif) FILTER (numerateur <> 0) AS e_numerateur,
    sum(effectif) FILTER (denominateur <> 0) AS e_denominateur,
    sum(effectif) FILTER (denominateur IS DISTINCT FROM numerateur AND denominateur IS NOT NULL) AS e_complement,
    sum(abs(CAST(numerateur AS DECIMAL(38, 9)))) AS poids,
    min(masque) AS masque
  FROM mesures_zones
  GROUP BY GROUPING SETS (
    (zonage, code_zone, periode, modalite), (zonage, code_zone, periode),
    (zonage, code_zone, periode, modalite, contributeur), (zonage, code_zone, periode, contributeur))
),
plus_gros AS (
  SELECT zonage, code_zone, periode, est_ensemble, modalite, max(poids) AS premier_poids
  FROM apports WHERE est_total = 0
  GROUP BY ALL
)
SELECT a.zonage, a.code_zone, a.periode,
  CASE WHEN a.est_ensemble = 1 THEN 'ensemble' ELSE a.modalite END AS modalite,
  a.n_lignes, a.somme_numerateur, a.somme_denominateur, a.n_distincts,
  coalesce(a.e_total, a.u_total) AS n_unites,
  coalesce(a.e_numerateur, a.u_numerateur) AS n_numerateur,
  coalesce(a.e_denominateur, a.u_denominateur) AS n_denominateur,
  coalesce(a.e_complement, a.u_complement) AS n_complement,
  CASE WHEN a.poids > 0 THEN CAST(g.premier_poids AS DOUBLE) / CAST(a.poids AS DOUBLE) END AS part_dominante,
  a.masque
FROM apports a
JOIN plus_gros g ON g.zonage = a.zonage AND g.code_zone = a.code_zone AND g.periode = a.periode
  AND g.est_ensemble = a.est_ensemble AND g.modalite IS NOT DISTINCT FROM a.modalite
WHERE a.est_total = 1 AND (a.est_ensemble = 1 OR a.modalite IS NOT NULL)
