-- une ligne par valeur d'un quartier, sorte de comparateur et zonage de comparaison
-- entrées : valeurs_comparables, hors_quartiers
WITH quartiers AS (
  SELECT v.*, z.nom AS quartier
  FROM valeurs_comparables v
  JOIN zones z ON z.zonage = v.zonage AND z.code_zone = v.code_zone AND z.famille = 'qpv'
),
de_zones AS (
  -- several zones: their mean, weighted by the part of the quarter that is in each; a zone that holds none counts for none
  SELECT v.zonage, v.code_zone, v.quartier, v.indicateur, v.modalite, v.periode, k.sorte, k.zonage_comparateur, v.base,
    v.valeur, v.valeur_comparee, v.motif,
    CASE WHEN count(*) = 1 THEN any_value(c.valeur_comparee)
      ELSE CAST(sum(CAST(k.part * c.valeur_comparee AS DECIMAL(38, 9))) AS DOUBLE) / sum(k.part) END AS reference,
    count(*) AS zones,
    CASE WHEN count(k.part) < count(*) OR abs(sum(k.part) - 1) > 0.05 THEN 'part_inconnue'
      WHEN count(*) > 1 AND NOT any_value(g.ponderable) THEN 'plusieurs_zones'
      WHEN count(c.indicateur) < count(*) THEN 'comparateur_inconnue'
      ELSE 'comparateur_' || min(c.motif) END AS motif_reference
  FROM quartiers v
  JOIN comparateurs k ON k.zonage = v.zonage AND k.code_zone = v.code_zone
    AND k.sorte NOT IN ('quartiers', 'hors_quartiers') AND coalesce(k.part, 1) > 0
  JOIN regles_comparaison g ON g.indicateur = v.indicateur
  LEFT JOIN valeurs_comparables c ON c.zonage = k.zonage_comparateur AND c.code_zone = k.code_comparateur
    AND c.indicateur = v.indicateur AND c.modalite = v.modalite AND c.periode = v.periode
  GROUP BY ALL
),
ensembles AS (
  SELECT zonage, indicateur, modalite, periode, valeur AS reference, quartiers FROM ensembles_quartiers
  UNION ALL
  SELECT zonage, indicateur, modalite, periode, pour_1000_habitants, quartiers FROM totaux_quartiers
),
de_quartiers AS (
  SELECT v.zonage, v.code_zone, v.quartier, v.indicateur, v.modalite, v.periode, 'quartiers' AS sorte,
    v.zonage AS zonage_comparateur, v.base, v.valeur, v.valeur_comparee, v.motif, e.reference,
    coalesce(e.quartiers, 0) AS zones, CASE WHEN e.reference IS NULL THEN 'ensemble_incomplet' END AS motif_reference
  FROM quartiers v
  LEFT JOIN ensembles e ON e.zonage = v.zonage AND e.indicateur = v.indicateur AND e.modalite = v.modalite
    AND e.periode = v.periode
),
de_restes AS (
  SELECT v.zonage, v.code_zone, v.quartier, v.indicateur, v.modalite, v.periode, k.sorte, k.zonage_comparateur, v.base,
    v.valeur, v.valeur_comparee, v.motif,
    CASE v.base WHEN 'valeur' THEN h.valeur ELSE 1000 * h.valeur / h.population END AS reference,
    coalesce(h.communes, 0) AS zones,
    CASE WHEN h.code_zone IS NULL THEN 'comparateur_inconnue' WHEN h.motif IS NOT NULL THEN 'comparateur_' || h.motif
      WHEN v.base = 'pour_1000_habitants' AND h.population IS NULL THEN 'comparateur_sans_population' END
      AS motif_reference
  FROM quartiers v
  JOIN comparateurs k ON k.zonage = v.zonage AND k.code_zone = v.code_zone AND k.sorte = 'hors_quartiers'
  LEFT JOIN hors_quartiers h ON h.zonage = v.zonage AND h.code_zone = v.code_zone AND h.indicateur = v.indicateur
    AND h.modalite = v.modalite AND h.periode = v.periode
),
de_comparables AS (
  SELECT v.zonage, v.code_zone, v.quartier, v.indicateur, v.modalite, v.periode, 'comparables' AS sorte,
    v.zonage AS zonage_comparateur, v.base, v.valeur, v.valeur_comparee, v.motif,
    median(c.valeur_comparee) AS reference, count(c.valeur_comparee) AS zones,
    CASE WHEN count(c.valeur_comparee) < 5 THEN 'trop_peu_de_comparables' END AS motif_reference
  FROM quartiers v
  JOIN quartiers_comparables k ON k.zonage = v.zonage AND k.code_zone = v.code_zone
  LEFT JOIN valeurs_comparables c ON c.zonage = k.zonage AND c.code_zone = k.code_comparable
    AND c.indicateur = v.indicateur AND c.modalite = v.modalite AND c.periode = v.periode
  GROUP BY ALL
),
toutes AS (
  SELECT * FROM de_zones
  UNION ALL SELECT * FROM de_quartiers
  UNION ALL SELECT * FROM de_restes
  UNION ALL SELECT * FROM de_comparables
)
SELECT t.zonage, t.code_zone, t.quartier, t.indicateur, t.modalite, t.periode, t.sorte, t.zonage_comparateur, t.base,
  t.valeur, t.valeur_comparee,
  CASE WHEN t.motif_reference IS NULL AND t.base IS NOT NULL THEN round(t.reference, g.decimales) END AS valeur_comparateur,
  CASE WHEN t.motif_reference IS NULL THEN round(t.valeur_comparee - round(t.reference, g.decimales), g.decimales) END
    AS ecart,
  t.zones, r.indicateur IS NOT NULL AS rupture,
  coalesce(CASE WHEN t.motif = 'nature' THEN t.motif ELSE 'quartier_' || t.motif END, t.motif_reference, 'comparable')
    AS statut
FROM toutes t
JOIN regles_comparaison g ON g.indicateur = t.indicateur
LEFT JOIN ruptures r ON r.indicateur = t.indicateur AND r.periode = t.periode
