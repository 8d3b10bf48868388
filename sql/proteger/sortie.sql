-- une ligne par zone, période et modalité : la valeur qui peut sortir, et son statut
-- entrées : jugees (ce que `primaire` donne), regle (une seule ligne), caches (au plus une ligne par cellule : celles
--           qu'il faut cacher de plus pour que les autres ne se déduisent pas), en_attente (les périodes dont la correction
--           attend), reportees (au plus une ligne par cellule : ce que la dernière publication dit de ces périodes)
WITH statuees AS (
  SELECT j.*, r.*, nature IN ('moyenne', 'part', 'taux') AS est_ratio,
    CASE WHEN c.code_zone IS NOT NULL THEN 'secret' ELSE j.diffusion END AS finale
  FROM jugees j CROSS JOIN regle r
  LEFT JOIN caches c USING (zonage, code_zone, periode, modalite)
),
nouvelles AS (
  SELECT zonage, code_zone, periode, modalite, observation AS statut_observation, finale AS statut_diffusion,
    CASE WHEN NOT (observation = 'normale' AND finale = 'diffusee') THEN NULL
         WHEN est_ratio THEN
           -- Arrondi au plus près, la moitié loin de zéro, en entiers : le quotient exact, jamais celui des flottants.
           sign(numerateur) * sign(denominateur) * CAST(
             (2 * CAST(abs(numerateur) * 1000000000 AS HUGEINT) * facteur_numerateur * echelle
              + CAST(abs(denominateur) * 1000000000 AS HUGEINT) * facteur_denominateur)
             // (2 * CAST(abs(denominateur) * 1000000000 AS HUGEINT) * facteur_denominateur) AS DOUBLE) / echelle
         ELSE CAST(sign(numerateur) * ((2 * CAST(abs(numerateur) * 1000000000 AS HUGEINT) * echelle + 1000000000)
           // 2000000000) AS DOUBLE) / echelle END AS valeur,
    CASE WHEN finale = 'diffusee' AND (observation = 'normale' OR zeros) THEN CAST(numerateur AS DOUBLE) END AS numerateur,
    CASE WHEN est_ratio AND finale = 'diffusee' AND (observation = 'normale' OR zeros)
         THEN CAST(denominateur AS DOUBLE) END AS denominateur
  FROM statuees
)
SELECT zonage, code_zone, periode, modalite,
  -- Une ligne que la dernière publication n'avait pas attend avec le reste de sa période.
  CASE WHEN a.periode IS NULL OR n.statut_observation <> 'normale' THEN n.statut_observation
       ELSE coalesce(r.statut_observation, 'normale') END AS statut_observation,
  CASE WHEN a.periode IS NULL OR n.statut_observation <> 'normale' THEN n.statut_diffusion
       ELSE coalesce(r.statut_diffusion, 'secret') END AS statut_diffusion,
  CASE WHEN a.periode IS NULL OR n.statut_observation <> 'normale' THEN n.valeur ELSE r.valeur END AS valeur,
  CASE WHEN a.periode IS NULL OR n.statut_observation <> 'normale' THEN n.numerateur ELSE r.numerateur END AS numerateur,
  CASE WHEN a.periode IS NULL OR n.statut_observation <> 'normale' THEN n.denominateur ELSE r.denominateur END AS denominateur
FROM nouvelles n
LEFT JOIN en_attente a USING (periode)
LEFT JOIN reportees r USING (zonage, code_zone, periode, modalite)
ORDER BY zonage, code_zone, periode, modalite
