-- une ligne par valeur, en clair : noms et libellés, et son statut en mots
-- entrées : choisies (une ligne par valeur), zones_lisibles (au plus une ligne par zone), indicateurs (une ligne par
--           indicateur), modalites (une ligne par indicateur et modalité)
SELECT v.zonage, v.code_zone, coalesce(z.type_zone, v.zonage) AS type_zone, coalesce(z.nom, v.code_zone) AS nom_zone,
  theme(i.theme) AS theme, v.indicateur, i.titre, v.modalite, m.libelle, i.unite, v.periode,
  v.periode_debut, v.valeur, v.numerateur, v.denominateur, v.qualite, v.publication,
  v.statut_diffusion <> 'diffusee' AS cachee,
  CASE v.statut_diffusion WHEN 'secret' THEN 'cachée : secret'
    WHEN 'masque_producteur' THEN 'cachée par son producteur'
    WHEN 'embargo' THEN 'sous embargo'
    WHEN 'diffusee' THEN
      CASE v.statut_observation WHEN 'normale' THEN 'diffusée'
        WHEN 'provisoire' THEN 'provisoire'
        WHEN 'estimee' THEN 'estimée'
        WHEN 'imputee' THEN 'imputée'
        WHEN 'rupture' THEN 'diffusée, rupture de série'
        WHEN 'non_livree' THEN 'non livrée'
        WHEN 'non_significative' THEN 'non significative'
        WHEN 'sans_objet' THEN 'sans objet'
        ELSE replace(v.statut_observation, '_', ' ') END
    ELSE replace(v.statut_diffusion, '_', ' ') END AS statut
FROM choisies v
JOIN indicateurs i USING (indicateur)
JOIN modalites m USING (indicateur, modalite)
LEFT JOIN zones_lisibles z USING (zonage, code_zone)
