-- une ligne par valeur dont les statuts se contredisent
-- gravite: arret
-- titre: Une valeur est là si elle est normale et diffusée, et alors seulement
SELECT indicateur, modalite, zonage, code_zone, periode, statut_observation, statut_diffusion, valeur
FROM valeurs
WHERE (valeur IS NOT NULL) <> (statut_observation = 'normale' AND statut_diffusion = 'diffusee')
  OR (statut_diffusion <> 'diffusee' AND (numerateur IS NOT NULL OR denominateur IS NOT NULL))
  OR statut_observation NOT IN ('normale', 'provisoire', 'estimee', 'imputee', 'rupture', 'non_livree',
    'non_significative', 'sans_objet')
  OR statut_diffusion NOT IN ('diffusee', 'secret', 'masque_producteur', 'embargo')
