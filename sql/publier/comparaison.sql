-- une ligne par indicateur, zone et modalité d'un zonage à une période, dans l'une ou l'autre de deux publications
-- entrées : nouvelle, ancienne (les lignes de ce zonage à cette période, une par indicateur, zone et modalité)
SELECT coalesce(n.indicateur, a.indicateur) AS indicateur, coalesce(n.code_zone, a.code_zone) AS code_zone,
  coalesce(n.modalite, a.modalite) AS modalite, n AS apres, a AS avant,
  CASE
    WHEN a.indicateur IS NULL THEN 'apparue'
    WHEN n.indicateur IS NULL THEN 'disparue'
    WHEN n.statut_diffusion = 'secret' AND a.statut_diffusion <> 'secret' THEN 'cachee'
    WHEN a.statut_diffusion = 'secret' AND n.statut_diffusion <> 'secret' THEN 'montree'
    WHEN n.statut_diffusion <> a.statut_diffusion OR n.statut_observation <> a.statut_observation THEN 'statut'
    WHEN n.valeur IS DISTINCT FROM a.valeur OR n.numerateur IS DISTINCT FROM a.numerateur
      OR n.denominateur IS DISTINCT FROM a.denominateur THEN 'modifiee'
    WHEN n.qualite IS DISTINCT FROM a.qualite THEN 'qualite'
  END AS nature
FROM nouvelle n
FULL JOIN ancienne a ON n.indicateur = a.indicateur AND n.code_zone = a.code_zone AND n.modalite = a.modalite
