-- une ligne par quartier, indicateur additif, modalité et période : ses communes moins tous leurs quartiers
-- A function of published cells: the communes, less their quarters, less the records of unknown place. One part that is
-- hidden or unknown, and there is no figure. Quarters of one group of communes have the same: each is a key, so that one
-- quarter is read without computing the others.
WITH groupes AS (
  SELECT zonage, code_zone, any_value(groupe) AS groupe, count(*) AS parties, count(*) FILTER (zonage_partie = 'commune') AS communes
  FROM groupes_quartiers
  GROUP BY zonage, code_zone
),
restes AS (
  SELECT g.zonage, g.code_zone, v.indicateur, v.modalite, v.periode, count(*) AS parties,
    count(*) FILTER (v.statut_diffusion <> 'diffusee') AS cachees,
    -- a ratio of nothing to nothing has parts, which are zeros
    count(*) FILTER (v.statut_diffusion = 'diffusee' AND v.numerateur IS NOT NULL) AS dites,
    CAST(sum(g.signe * CAST(v.numerateur AS DECIMAL(38, 9))) AS DOUBLE) AS numerateur,
    CAST(sum(g.signe * CAST(v.denominateur AS DECIMAL(38, 9))) AS DOUBLE) AS denominateur,
    CASE WHEN count(p.population) = count(*) FILTER (g.zonage_partie <> 'non_localise')
      THEN sum(g.signe * p.population) FILTER (g.zonage_partie <> 'non_localise') END AS population
  FROM groupes_quartiers g
  JOIN valeurs v ON v.zonage = g.zonage_partie AND v.code_zone = g.code_partie
  JOIN indicateurs i ON i.indicateur = v.indicateur AND i.additif
    AND i.nature IN ('compte', 'somme', 'moyenne', 'part', 'taux')
  LEFT JOIN populations p ON p.zonage = v.zonage AND p.code_zone = v.code_zone AND p.periode = v.periode
  GROUP BY g.zonage, g.code_zone, v.indicateur, v.modalite, v.periode
),
juges AS (
  SELECT r.*, n.groupe, n.communes, i.nature IN ('moyenne', 'part', 'taux') AS rapport, coalesce(i.facteur, 1) AS facteur,
    CAST(i.decimales AS INTEGER) AS decimales,
    CASE WHEN r.cachees > 0 THEN 'cachee'
      WHEN r.dites < n.parties THEN 'inconnue'
      WHEN r.numerateur < 0 OR r.denominateur < 0 THEN 'incoherente'
      WHEN rapport AND r.denominateur = 0 THEN 'sans_objet' END AS motif
  FROM restes r
  JOIN groupes n ON n.zonage = r.zonage AND n.code_zone = r.code_zone
  JOIN indicateurs i ON i.indicateur = r.indicateur
)
SELECT zonage, code_zone, groupe, communes, indicateur, modalite, periode,
  CASE WHEN motif IS NULL THEN round(CASE WHEN rapport THEN facteur * numerateur / denominateur ELSE numerateur END,
    decimales) END AS valeur,
  CASE WHEN coalesce(motif, 'sans_objet') = 'sans_objet' THEN numerateur END AS numerateur,
  CASE WHEN coalesce(motif, 'sans_objet') = 'sans_objet' AND rapport THEN denominateur END AS denominateur,
  CASE WHEN population > 0 THEN population END AS population, motif
FROM juges
