-- une ligne par zonage, zone, période et modalité (« ensemble » compris) où au moins un enregistrement compte
-- entrées : vue mesures_zones (une ligne par enregistrement et zone), dominances (au plus une ligne par cellule),
--           agregation (une seule ligne : la nature de l'indicateur)
-- Les unités se comptent en deux regroupements, qui débordent sur disque : count(DISTINCT) garde tout en mémoire.
WITH apports AS (
  SELECT zonage, code_zone, periode, CASE WHEN GROUPING(modalite) = 1 THEN 'ensemble' ELSE modalite END AS modalite,
    GROUPING(modalite) AS est_ensemble,
    count(*) AS n_lignes,
    sum(CAST(numerateur AS DECIMAL(38, 9))) AS somme_numerateur,
    sum(CAST(denominateur AS DECIMAL(38, 9))) AS somme_denominateur,
    -- D'une étendue, le bas est celui de son autre expression.
    min(CAST(coalesce(denominateur, numerateur) AS DECIMAL(38, 9))) AS plus_petit,
    max(CAST(numerateur AS DECIMAL(38, 9))) AS plus_grand,
    sum(effectif) FILTER (numerateur IS NOT NULL OR denominateur IS NOT NULL) AS e_total,
    sum(effectif) FILTER (numerateur <> 0) AS e_numerateur,
    sum(effectif) FILTER (denominateur <> 0) AS e_denominateur,
    sum(effectif) FILTER (denominateur IS DISTINCT FROM numerateur AND denominateur IS NOT NULL) AS e_complement,
    min(masque) AS masque
  FROM mesures_zones
  GROUP BY GROUPING SETS ((zonage, code_zone, periode, modalite), (zonage, code_zone, periode))
),
-- une ligne par cellule fine et unité : ce que ses enregistrements y apportent
unites AS MATERIALIZED (
  SELECT zonage, code_zone, periode, modalite, unite,
    bool_or(numerateur IS NOT NULL OR denominateur IS NOT NULL) AS total,
    bool_or(numerateur <> 0) AS numerateur,
    bool_or(denominateur <> 0) AS denominateur,
    bool_or(denominateur IS DISTINCT FROM numerateur AND denominateur IS NOT NULL) AS complement
  FROM mesures_zones WHERE unite IS NOT NULL
  GROUP BY zonage, code_zone, periode, modalite, unite
),
-- la même unité dans deux modalités n'est qu'une dans l'ensemble
unites_ensemble AS (
  SELECT zonage, code_zone, periode, 'ensemble' AS modalite, unite, bool_or(total) AS total,
    bool_or(numerateur) AS numerateur, bool_or(denominateur) AS denominateur, bool_or(complement) AS complement
  FROM unites GROUP BY zonage, code_zone, periode, unite
),
comptes AS (
  SELECT zonage, code_zone, periode, modalite,
    count(*) FILTER (total) AS u_total, count(*) FILTER (numerateur) AS u_numerateur,
    count(*) FILTER (denominateur) AS u_denominateur, count(*) FILTER (complement) AS u_complement
  FROM (SELECT * FROM unites WHERE modalite IS NOT NULL UNION ALL BY NAME SELECT * FROM unites_ensemble)
  GROUP BY zonage, code_zone, periode, modalite
),
cles AS MATERIALIZED (
  SELECT zonage, code_zone, periode, modalite, cle_distincte FROM mesures_zones WHERE cle_distincte IS NOT NULL
  GROUP BY zonage, code_zone, periode, modalite, cle_distincte
),
distincts AS (
  SELECT zonage, code_zone, periode, modalite, count(*) AS n_distincts
  FROM (SELECT * FROM cles WHERE modalite IS NOT NULL
        UNION ALL BY NAME
        SELECT zonage, code_zone, periode, 'ensemble' AS modalite, cle_distincte FROM cles
        GROUP BY zonage, code_zone, periode, cle_distincte)
  GROUP BY zonage, code_zone, periode, modalite
)
SELECT a.zonage, a.code_zone, a.periode, a.modalite, a.n_lignes,
  CASE g.nature WHEN 'minimum' THEN a.plus_petit WHEN 'maximum' THEN a.plus_grand
    WHEN 'etendue' THEN a.plus_grand - a.plus_petit ELSE a.somme_numerateur END AS somme_numerateur,
  a.somme_denominateur, coalesce(k.n_distincts, 0) AS n_distincts,
  coalesce(a.e_total, u.u_total, 0) AS n_unites,
  coalesce(a.e_numerateur, u.u_numerateur, 0) AS n_numerateur,
  coalesce(a.e_denominateur, u.u_denominateur, 0) AS n_denominateur,
  coalesce(a.e_complement, u.u_complement, 0) AS n_complement,
  d.part_dominante,
  a.masque
FROM apports a CROSS JOIN agregation g
LEFT JOIN comptes u USING (zonage, code_zone, periode, modalite)
LEFT JOIN distincts k USING (zonage, code_zone, periode, modalite)
LEFT JOIN dominances d USING (zonage, code_zone, periode, modalite)
WHERE a.est_ensemble = 1 OR a.modalite IS NOT NULL
