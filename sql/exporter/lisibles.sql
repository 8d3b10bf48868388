-- une ligne par valeur, en clair : noms et libellés, et son statut en mots
-- entrées : choisies (une ligne par valeur), zones_lisibles (au plus une ligne par zone), indicateurs (une ligne par
--           indicateur), modalites (une ligne par indicateur et modalité) ; les macros `theme` et `etat`
SELECT v.zonage, v.code_zone, coalesce(z.type_zone, v.zonage) AS type_zone, coalesce(z.nom, v.code_zone) AS nom_zone,
  theme(i.theme) AS theme, v.indicateur, i.titre, v.modalite, m.libelle, i.unite, v.periode,
  v.periode_debut, v.valeur, v.numerateur, v.denominateur, v.qualite, v.publication,
  v.statut_diffusion <> 'diffusee' AS cachee,
  etat(v.statut_diffusion, v.statut_observation) AS statut
FROM choisies v
JOIN indicateurs i USING (indicateur)
JOIN modalites m USING (indicateur, modalite)
LEFT JOIN zones_lisibles z USING (zonage, code_zone)
