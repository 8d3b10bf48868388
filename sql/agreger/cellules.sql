-- une ligne par zone, période et modalité : dense, zéros compris
-- entrées : zones_cibles (une ligne par zone), periodes (une par période), modalites (une par modalité),
--           contributions (au plus une par cellule), presences (une par zone et période où une ligne est reçue)
SELECT z.zonage, z.code_zone, p.periode, m.modalite,
  -- Un chiffre tout fait ne se somme pas : il n'existe que pour les zones de son tableau.
  CASE WHEN m.releve AND z.zonage <> p.zonage_du_jeu THEN 'sans_objet'
       WHEN z.statut <> 'normale' THEN z.statut
       WHEN NOT p.livree THEN 'non_livree'
       WHEN list_contains(p.zonages_par_lignes, z.zonage) AND r.code_zone IS NULL THEN 'non_livree'
       ELSE 'normale' END AS statut_observation,
  (list_contains(p.zonages_par_lignes, z.zonage) AND r.code_zone IS NULL AND p.livree) AS ligne_absente,
  c.masque,
  coalesce(c.n_lignes, 0) AS n_lignes,
  CASE WHEN m.extreme THEN c.somme_numerateur ELSE coalesce(c.somme_numerateur, 0) END AS somme_numerateur,
  coalesce(c.somme_denominateur, 0) AS somme_denominateur,
  coalesce(c.n_distincts, 0) AS n_distincts,
  coalesce(c.n_unites, 0) AS n_unites,
  coalesce(c.n_numerateur, 0) AS n_numerateur,
  coalesce(c.n_denominateur, 0) AS n_denominateur,
  coalesce(c.n_complement, 0) AS n_complement,
  c.part_dominante
FROM zones_cibles z
CROSS JOIN periodes p
CROSS JOIN modalites m
LEFT JOIN contributions c USING (zonage, code_zone, periode, modalite)
LEFT JOIN presences r ON r.zonage = z.zonage AND r.code_zone = z.code_zone AND r.periode = p.periode
ORDER BY z.zonage, z.code_zone, p.periode, m.modalite
