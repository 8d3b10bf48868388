-- une ligne par zone, période, modalité et autre unité de secret : ce que chaque côté en a, et s'il y en a trop peu
-- entrées : cellules (une ligne par cellule), regle (une seule ligne), regles_unites (une ligne par autre unité),
--           autres_unites (au plus une ligne par cellule et autre unité)
WITH comptees AS (
  SELECT c.zonage, c.code_zone, c.periode, c.modalite, u.unite, u.seuil, r.nature,
    c.n_unites AS p_total, c.n_numerateur AS p_numerateur, c.n_denominateur AS p_denominateur,
    c.n_complement AS p_complement,
    coalesce(a.n_unites, 0) AS u_total,
    -- Un effectif agrégé borne mal les unités d'un côté : la somme elle-même peut être plus petite.
    CASE WHEN u.effectif AND r.nature IN ('somme', 'part')
      THEN least(coalesce(a.n_numerateur, 0), CAST(floor(abs(c.somme_numerateur)) AS HUGEINT))
      ELSE coalesce(a.n_numerateur, 0) END AS u_numerateur,
    coalesce(a.n_denominateur, 0) AS u_denominateur,
    CASE WHEN u.effectif AND r.nature = 'part'
      THEN least(coalesce(a.n_complement, 0), CAST(floor(abs(c.somme_denominateur - c.somme_numerateur)) AS HUGEINT))
      ELSE coalesce(a.n_complement, 0) END AS u_complement
  FROM cellules c CROSS JOIN regle r CROSS JOIN regles_unites u
  LEFT JOIN autres_unites a USING (zonage, code_zone, periode, modalite, unite)
)
SELECT zonage, code_zone, periode, modalite, unite, seuil, u_total, u_numerateur, u_denominateur, u_complement,
  -- Là où il y a quelqu'un et où rien n'est compté, il y en a trop peu : un effectif vide ne montre rien.
  (p_total > 0 AND u_total < seuil)
    OR (p_numerateur > 0 AND u_numerateur < seuil)
    OR (nature IN ('moyenne', 'part', 'taux') AND p_denominateur > 0 AND u_denominateur < seuil)
    OR (nature = 'part' AND p_complement > 0 AND u_complement < seuil) AS trop_peu
FROM comptees
ORDER BY zonage, code_zone, periode, modalite, unite
