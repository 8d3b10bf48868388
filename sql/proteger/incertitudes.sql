-- une ligne par cellule diffusée d'un zonage mesuré, dont les bornes peuvent sortir
-- entrées : cellules (protégées, une ligne par cellule), bornes (au plus une ligne par cellule), mesures (un zonage par
--           ligne), etendues (une ligne par zone dont on sait où elle est), voisinages (une ligne par zone mesurée et
--           zone, de tout zonage, dont les enregistrements peuvent l'atteindre), regle (une seule ligne)
WITH cachees AS (
  -- Un enregistrement de lieu inconnu n'entre dans aucune borne.
  SELECT c.zonage, c.code_zone, c.periode, c.modalite, z.zonage IS NOT NULL AS mesuree
  FROM cellules c LEFT JOIN mesures z USING (zonage)
  WHERE c.statut_diffusion <> 'diffusee' AND c.zonage <> 'non_localise'
),
touchees AS (
  -- Les enregistrements d'une zone cachée peuvent atteindre ses voisines : seules les distances en décident.
  SELECT v.zonage, v.code_zone, c.periode, c.modalite, c.mesuree
  FROM cachees c JOIN voisinages v ON v.zonage_voisine = c.zonage AND v.voisine = c.code_zone
  UNION
  -- Une zone cachée dont on ne sait pas où elle est touche toutes les autres.
  SELECT DISTINCT t.zonage, t.code_zone, c.periode, c.modalite, false
  FROM cachees c ANTI JOIN etendues e ON e.zonage = c.zonage AND e.code_zone = c.code_zone
  CROSS JOIN (SELECT DISTINCT zonage, code_zone FROM cellules JOIN mesures USING (zonage)) t
),
retenues AS (
  SELECT DISTINCT c.zonage, c.code_zone, c.periode, c.modalite
  FROM cellules c JOIN touchees t USING (zonage, code_zone, periode)
  -- Les bornes d'une modalité ne tiennent qu'à ses enregistrements ; celles de l'ensemble, à ceux de toutes.
  WHERE t.modalite IN (c.modalite, 'ensemble') OR (c.modalite = 'ensemble' AND t.mesuree)
)
SELECT c.zonage, c.code_zone, c.periode, c.modalite, coalesce(b.methode, 'exacte') AS methode,
  least(floor(coalesce(b.bas, c.valeur) * r.echelle + 1e-6) / r.echelle, c.valeur) AS borne_basse,
  greatest(ceil(coalesce(b.haut, c.valeur) * r.echelle - 1e-6) / r.echelle, c.valeur) + 0 AS borne_haute
FROM cellules c
CROSS JOIN regle r
JOIN mesures z USING (zonage)
LEFT JOIN bornes b USING (zonage, code_zone, periode, modalite)
LEFT JOIN retenues t USING (zonage, code_zone, periode, modalite)
WHERE c.statut_diffusion = 'diffusee' AND c.statut_observation = 'normale' AND c.valeur IS NOT NULL
  AND (NOT r.protege OR t.code_zone IS NULL)
  -- De chaque côté de la valeur, et de la part certaine, la même règle que pour une valeur.
  AND (r.seuil IS NULL OR b.zonage IS NULL
    OR (coalesce(b.n_unites, 0) >= r.seuil AND coalesce(b.part_dominante <= r.dominance, true)))
ORDER BY c.zonage, c.code_zone, c.periode, c.modalite
