-- une ligne par indicateur, zonage, zone, période et modalité que la publication porte
-- entrées : cellules (les fichiers protégés, chacun avec son chemin), indicateurs_prets (chemin, indicateur, qualité),
--           periodes (celles que la publication porte, avec leur fréquence et leurs bornes)
SELECT i.indicateur, c.modalite, c.zonage, c.code_zone, c.periode, p.frequence, p.periode_debut, p.periode_fin,
  c.valeur, c.numerateur, c.denominateur, c.statut_observation, c.statut_diffusion, i.qualite
FROM cellules c
JOIN indicateurs_prets i USING (filename)
JOIN periodes p USING (periode)
ORDER BY c.zonage, c.periode, c.code_zone, i.indicateur, c.modalite
