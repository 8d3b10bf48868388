-- une ligne par quartier d'arrivée d'un passage, indicateur, modalité, période et origine : observée, ou portée d'avant
-- What is carried is a function of the published cells of the quarters that it comes from: one that is hidden or unknown, and
-- nothing is carried.
WITH liens AS (
  SELECT zonage_depart, code_depart, zonage_arrivee, code_arrivee, nature = 'inchange' AS meme,
    largeur_perdue_m = 0 AS entier,
    CASE WHEN largeur_perdue_m = 0 THEN 1 ELSE coalesce(part_poids_depart, part_depart) END AS part
  FROM passages
  WHERE code_depart IS NOT NULL AND code_arrivee IS NOT NULL
),
arrivees AS (
  SELECT zonage_depart, zonage_arrivee, code_arrivee, count(*) AS liens,
    string_agg(DISTINCT nature, ', ' ORDER BY nature) AS nature_passage,
    round(max(CASE WHEN largeur_gagnee_m = 0 THEN 1 ELSE 1 - coalesce(reste_poids_arrivee, reste_arrivee) END), 6)
      AS part_couverte
  FROM passages
  WHERE code_depart IS NOT NULL AND code_arrivee IS NOT NULL
  GROUP BY zonage_depart, zonage_arrivee, code_arrivee
),
sources AS (
  SELECT l.*, v.indicateur, v.modalite, v.periode, v.periode_debut, v.valeur, v.statut_observation,
    v.statut_diffusion <> 'diffusee' AS cachee,
    -- a ratio of nothing to nothing has parts, which are zeros
    v.statut_diffusion = 'diffusee' AND v.numerateur IS NOT NULL AS dite,
    CAST(v.numerateur AS DECIMAL(38, 9)) AS numerateur, CAST(v.denominateur AS DECIMAL(38, 9)) AS denominateur
  FROM liens l
  JOIN valeurs v ON v.zonage = l.zonage_depart AND v.code_zone = l.code_depart
),
sommes AS (
  SELECT s.zonage_depart, s.zonage_arrivee, s.code_arrivee, s.indicateur, s.modalite, s.periode,
    any_value(s.periode_debut) AS periode_debut, count(*) AS sources, bool_and(s.meme) AS meme, bool_or(s.cachee) AS cachee,
    bool_and(s.dite) AS dites, bool_or(s.statut_observation = 'sans_objet') AS sans_objet,
    count(s.part) = count(*) AS pesee, bool_and(s.entier) AS entiers, any_value(s.valeur) AS directe,
    min(least(s.numerateur, coalesce(s.denominateur, 0))) < 0 AS negative,
    CAST(sum(CAST(s.part * s.numerateur AS DECIMAL(38, 9))) AS DOUBLE) AS n,
    CAST(sum(CAST(s.part * s.denominateur AS DECIMAL(38, 9))) AS DOUBLE) AS d,
    CAST(coalesce(sum(s.numerateur) FILTER (s.entier), 0) AS DOUBLE) AS n_entiers,
    CAST(coalesce(sum(s.denominateur) FILTER (s.entier), 0) AS DOUBLE) AS d_entiers,
    CAST(sum(s.numerateur) AS DOUBLE) AS n_tous, CAST(sum(s.denominateur) AS DOUBLE) AS d_tous
  FROM sources s
  GROUP BY s.zonage_depart, s.zonage_arrivee, s.code_arrivee, s.indicateur, s.modalite, s.periode
),
jugees AS (
  SELECT s.*, a.nature_passage, a.part_couverte, i.nature, CAST(i.decimales AS INTEGER) AS decimales,
    coalesce(i.facteur, 1) AS facteur, i.nature IN ('moyenne', 'part', 'taux') AS rapport,
    i.additif AND i.nature IN ('compte', 'somme', 'moyenne', 'part', 'taux') AS portable,
    s.meme AND a.liens = 1 AS reprise,
    -- 1 %: what drawings add along an outline is no new ground
    a.part_couverte >= 0.99 AS couverte,
    o.statut_observation = 'normale' AS observee, r.indicateur IS NOT NULL AS rompue, r.motif AS motif_serie,
    CASE WHEN o.statut_diffusion <> 'diffusee' THEN 'cachee_arrivee'
      WHEN s.cachee THEN 'cachee'
      WHEN NOT portable AND NOT reprise THEN 'non_additif'
      WHEN s.sources < a.liens THEN 'inconnue'
      WHEN reprise THEN CASE WHEN s.directe IS NULL THEN CASE WHEN s.sans_objet THEN 'sans_objet' ELSE 'inconnue' END END
      WHEN NOT s.dites THEN CASE WHEN s.sans_objet THEN 'sans_objet' ELSE 'inconnue' END
      WHEN NOT s.pesee THEN 'part_inconnue'
      WHEN rapport AND s.d = 0 THEN 'sans_objet' END AS motif
  FROM sommes s
  JOIN arrivees a ON a.zonage_depart = s.zonage_depart AND a.zonage_arrivee = s.zonage_arrivee
    AND a.code_arrivee = s.code_arrivee
  JOIN indicateurs i ON i.indicateur = s.indicateur
  LEFT JOIN valeurs o ON o.zonage = s.zonage_arrivee AND o.code_zone = s.code_arrivee AND o.indicateur = s.indicateur
    AND o.modalite = s.modalite AND o.periode = s.periode
  LEFT JOIN ruptures r ON r.indicateur = s.indicateur AND r.periode = s.periode
),
bornees AS (
  -- Nothing is supposed of how a quarter is peopled: a piece of one may hold all of its value, or none.
  SELECT *,
    coalesce(motif, '') IN ('', 'part_inconnue') AND portable AND NOT negative AND NOT reprise AS bornable,
    CASE WHEN NOT rapport THEN n_entiers
      WHEN NOT couverte THEN NULL
      WHEN nature = 'part' THEN facteur * n_entiers / nullif(d_tous - (n_tous - n_entiers), 0)
      ELSE facteur * n_entiers / nullif(d_tous, 0) END AS basse,
    CASE WHEN NOT couverte THEN NULL
      WHEN NOT rapport THEN n_tous
      WHEN nature = 'part' THEN facteur * n_tous / nullif(d_entiers + (n_tous - n_entiers), 0)
      ELSE facteur * n_tous / nullif(d_entiers, 0) END AS haute
  FROM jugees
)
SELECT zonage_arrivee AS zonage, code_arrivee AS code_zone, indicateur, modalite, periode, periode_debut,
  'portee' AS origine, zonage_depart,
  CASE WHEN motif IS NULL THEN CASE WHEN reprise THEN directe
    ELSE round(CASE WHEN rapport THEN facteur * n / d ELSE n END, decimales) END END AS valeur,
  CASE WHEN motif IS NULL AND portable THEN n END AS numerateur,
  CASE WHEN motif IS NULL AND portable THEN d END AS denominateur,
  CASE WHEN bornable THEN floor(round(basse * 10 ** decimales, 6)) / 10 ** decimales
    WHEN motif IS NULL AND reprise THEN directe END AS borne_basse,
  CASE WHEN bornable THEN ceil(round(haute * 10 ** decimales, 6)) / 10 ** decimales
    WHEN motif IS NULL AND reprise THEN directe END AS borne_haute,
  nature_passage, part_couverte, sources, NOT reprise OR rompue AS rupture,
  CASE WHEN NOT reprise THEN 'perimetre' ELSE motif_serie END AS motif_rupture, motif, NOT coalesce(observee, false) AS retenue
FROM bornees
UNION ALL
SELECT v.zonage, v.code_zone, v.indicateur, v.modalite, v.periode, v.periode_debut, 'observee', NULL, v.valeur,
  v.numerateur, v.denominateur, NULL, NULL, NULL, NULL, NULL, r.indicateur IS NOT NULL, r.motif,
  CASE WHEN v.statut_diffusion <> 'diffusee' THEN 'cachee' WHEN v.valeur IS NOT NULL THEN NULL
    WHEN v.statut_observation = 'sans_objet' THEN 'sans_objet' ELSE 'inconnue' END, v.statut_observation = 'normale'
FROM valeurs v
LEFT JOIN ruptures r ON r.indicateur = v.indicateur AND r.periode = v.periode
WHERE v.zonage IN (SELECT zonage_arrivee FROM passages)
