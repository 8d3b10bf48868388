-- une ligne par zonage, zone, période et modalité (« ensemble » compris) où au moins un enregistrement compte
-- entrées : vue mesures_zones (une ligne par enregistrement et zone), dominances (au plus une ligne par cellule),
--           agregation (une seule ligne : la nature de l'indicateur)
WITH apports AS (
  SELECT zonage, code_zone, periode, modalite, GROUPING(modalite) AS est_ensemble,
    count(*) AS n_lignes,
    sum(CAST(numerateur AS DECIMAL(38, 9))) AS somme_numerateur,
    sum(CAST(denominateur AS DECIMAL(38, 9))) AS somme_denominateur,
    -- D'une étendue, le bas est celui de son autre expression.
    min(CAST(coalesce(denominateur, numerateur) AS DECIMAL(38, 9))) AS plus_petit,
    max(CAST(numerateur AS DECIMAL(38, 9))) AS plus_grand,
    count(DISTINCT cle_distincte) AS n_distincts,
    count(DISTINCT unite) FILTER (numerateur IS NOT NULL OR denominateur IS NOT NULL) AS u_total,
    count(DISTINCT unite) FILTER (numerateur <> 0) AS u_numerateur,
    count(DISTINCT unite) FILTER (denominateur <> 0) AS u_denominateur,
    count(DISTINCT unite) FILTER (denominateur IS DISTINCT FROM numerateur AND denominateur IS NOT NULL) AS u_complement,
    sum(effectif) FILTER (numerateur IS NOT NULL OR denominateur IS NOT NULL) AS e_total,
    sum(effectif) FILTER (numerateur <> 0) AS e_numerateur,
    sum(effectif) FILTER (denominateur <> 0) AS e_denominateur,
    sum(effectif) FILTER (denominateur IS DISTINCT FROM numerateur AND denominateur IS NOT NULL) AS e_complement,
    min(masque) AS masque
  FROM mesures_zones
  GROUP BY GROUPING SETS ((zonage, code_zone, periode, modalite), (zonage, code_zone, periode))
),
cellules AS (
  SELECT * REPLACE (CASE WHEN est_ensemble = 1 THEN 'ensemble' ELSE modalite END AS modalite)
  FROM apports WHERE est_ensemble = 1 OR modalite IS NOT NULL
)
SELECT a.zonage, a.code_zone, a.periode, a.modalite, a.n_lignes,
  CASE g.nature WHEN 'minimum' THEN a.plus_petit WHEN 'maximum' THEN a.plus_grand
    WHEN 'etendue' THEN a.plus_grand - a.plus_petit ELSE a.somme_numerateur END AS somme_numerateur,
  a.somme_denominateur, a.n_distincts,
  coalesce(a.e_total, a.u_total) AS n_unites,
  coalesce(a.e_numerateur, a.u_numerateur) AS n_numerateur,
  coalesce(a.e_denominateur, a.u_denominateur) AS n_denominateur,
  coalesce(a.e_complement, a.u_complement) AS n_complement,
  d.part_dominante,
  a.masque
FROM cellules a CROSS JOIN agregation g
LEFT JOIN dominances d USING (zonage, code_zone, periode, modalite)
