-- une ligne par zone, période et modalité : le statut que les règles primaires lui donnent, et ses vraies valeurs
-- entrées : cellules (une ligne par cellule), regle (une seule ligne), denominateurs (au plus une ligne par zone et
--           période : l'indicateur déclaré par `par`), parues (au plus une ligne par cellule : ce que les publications
--           d'avant en ont dit), revisees (les périodes dont elles ont dit autre chose), peu_nombreuses (au plus une
--           ligne par cellule : celles où une autre unité de secret a trop peu de membres)
WITH reunies AS (
  SELECT c.*, r.*,
    CASE WHEN r.distincts THEN CAST(c.n_distincts AS DECIMAL(38, 9)) ELSE c.somme_numerateur END AS numerateur,
    CASE WHEN r.par THEN d.numerateur ELSE c.somme_denominateur END AS denominateur,
    d.statut_observation AS observation_par, d.statut_diffusion AS diffusion_par,
    t.code_zone IS NOT NULL AS autre_trop_peu,
    -- Un effectif agrégé borne mal les unités d'un côté : la somme elle-même peut être plus petite.
    CASE WHEN r.effectif AND r.nature IN ('somme', 'part')
      THEN least(c.n_numerateur, CAST(floor(abs(c.somme_numerateur)) AS HUGEINT)) ELSE c.n_numerateur END AS u_numerateur,
    CASE WHEN r.effectif AND r.nature = 'part'
      THEN least(c.n_complement, CAST(floor(abs(c.somme_denominateur - c.somme_numerateur)) AS HUGEINT))
      ELSE c.n_complement END AS u_complement
  FROM cellules c CROSS JOIN regle r
  LEFT JOIN denominateurs d ON r.par AND d.zonage = c.zonage AND d.code_zone = c.code_zone AND d.periode = c.periode
  LEFT JOIN peu_nombreuses t
    ON t.zonage = c.zonage AND t.code_zone = c.code_zone AND t.periode = c.periode AND t.modalite = c.modalite
),
observees AS (
  SELECT *, nature IN ('moyenne', 'part', 'taux') AS est_ratio,
    CASE WHEN statut_observation = 'sans_objet' THEN 'sans_objet'
         WHEN ligne_absente THEN 'non_livree'
         WHEN par AND observation_par = 'sans_objet' THEN 'sans_objet'
         WHEN statut_observation <> 'normale' THEN statut_observation
         WHEN masque IS NOT NULL THEN CASE WHEN masque = 'masque_producteur' THEN 'normale' ELSE masque END
         WHEN par AND diffusion_par = 'masque_producteur' THEN 'normale'
         WHEN par AND coalesce(observation_par, 'non_livree') <> 'normale' THEN coalesce(observation_par, 'non_livree')
         WHEN releve_sans_total THEN 'sans_objet'
         WHEN nature IN ('moyenne', 'part', 'taux') AND denominateur = 0 THEN 'sans_objet'
         WHEN nature = 'releve' AND n_lignes = 0 THEN 'non_livree'
         -- D'aucun enregistrement rien n'est le plus petit : ce n'est pas zéro.
         WHEN numerateur IS NULL THEN 'sans_objet'
         ELSE 'normale' END AS observation
  FROM (SELECT *, (nature = 'releve' AND a_modalites AND modalite = 'ensemble') AS releve_sans_total FROM reunies)
),
jugees AS (
  SELECT *,
    seuil IS NOT NULL AND (
      (n_unites BETWEEN 1 AND seuil - 1)
      OR (u_numerateur BETWEEN 1 AND seuil - 1)
      OR (est_ratio AND n_denominateur BETWEEN 1 AND seuil - 1)
      OR (nature = 'part' AND u_complement BETWEEN 1 AND seuil - 1)
      -- Un chiffre derrière lequel personne n'est compté : l'unité manque, et rien ne dit qu'il y en a assez.
      OR (u_numerateur = 0 AND coalesce(numerateur, 0) <> 0)
      OR (est_ratio AND NOT par AND n_denominateur = 0 AND coalesce(denominateur, 0) <> 0)
      OR coalesce(part_dominante > dominance, false)
      OR autre_trop_peu
    ) AS trop_peu,
    -- Tout le monde ou personne : chaque membre du groupe est connu. À cacher, sauf un zéro qu'un compte publie.
    coalesce(seuil IS NOT NULL AND nature = 'part' AND n_unites > 0
      AND (numerateur = 0 OR numerateur = denominateur), false) AS groupe
  FROM observees
),
statuees AS (
  SELECT *,
    CASE WHEN statut_observation <> 'normale' OR ligne_absente THEN 'diffusee'
         WHEN masque = 'masque_producteur' THEN 'masque_producteur'
         WHEN masque IS NOT NULL THEN 'diffusee'
         WHEN par AND observation_par = 'normale' AND diffusion_par = 'masque_producteur' THEN 'masque_producteur'
         WHEN par AND observation_par = 'normale' AND diffusion_par = 'secret' THEN 'secret'
         WHEN observation <> 'normale' THEN 'diffusee'
         WHEN trop_peu THEN 'secret'
         ELSE 'diffusee' END AS diffusion
  FROM jugees
),
tenues AS (
  -- Ce qui a paru reste paru : le cacher ne le ferait oublier à personne. Ce qui a toujours été caché le reste.
  SELECT s.*,
    tenue AND coalesce(p.numerateur = CAST(s.numerateur AS DOUBLE)
      AND (NOT s.est_ratio OR s.par OR p.denominateur = CAST(s.denominateur AS DOUBLE)), false) AS gelee,
    tenue AND coalesce(p.cachee, false) AS deja_cachee
  FROM (SELECT *, coalesce(seuil IS NOT NULL AND observation = 'normale' AND masque IS NULL
      AND diffusion <> 'masque_producteur' AND NOT (par AND coalesce(diffusion_par, '') = 'secret')
      AND periode NOT IN (SELECT periode FROM revisees), false) AS tenue FROM statuees) s
  LEFT JOIN parues p USING (zonage, code_zone, periode, modalite)
)
SELECT zonage, code_zone, periode, modalite, observation,
  CASE WHEN gelee THEN 'diffusee' WHEN deja_cachee THEN 'secret' ELSE diffusion END AS diffusion, gelee,
  -- D'un rapport sans dénominateur, les deux zéros se disent.
  (diffusion = 'diffusee' AND est_ratio AND denominateur = 0 AND statut_observation = 'normale' AND masque IS NULL
    AND observation = 'sans_objet' AND NOT trop_peu AND NOT groupe) AS zeros,
  groupe,
  CASE WHEN masque IS NULL THEN numerateur END AS numerateur,
  CASE WHEN masque IS NULL AND est_ratio THEN denominateur END AS denominateur,
  n_lignes, n_unites, u_numerateur, n_denominateur, u_complement, part_dominante
FROM tenues
ORDER BY zonage, code_zone, periode, modalite
