-- une ligne par zonage, zone, période, indicateur et modalité : ce qu'en disent ensemble les publications fusionnées
-- entrées : lignes (celles de toutes, avec le diffuseur de chacune)
SELECT zonage, periode,
  arg_min(struct_pack(diffuseur, publication, indicateur, modalite, code_zone, frequence, periode_debut, periode_fin, valeur,
    numerateur, denominateur, statut_observation, statut_diffusion, qualite, visible_de, visible_a), (rang, diffuseur)) AS ligne,
  count(DISTINCT struct_pack(valeur, numerateur, denominateur)) FILTER (rang = 0) AS dites, count(*) AS fois
FROM (
  SELECT *, CASE WHEN statut_observation <> 'normale' THEN 2 WHEN statut_diffusion <> 'diffusee' THEN 1 ELSE 0 END AS rang
  FROM lignes
)
GROUP BY zonage, periode, indicateur, modalite, code_zone
ORDER BY zonage, periode, code_zone, indicateur, modalite
