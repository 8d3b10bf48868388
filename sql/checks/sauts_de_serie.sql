-- une ligne par série dont la dernière valeur saute
-- gravite: alerte
-- titre: La dernière valeur d'une série est à moins de six écarts types des précédentes, ou à moins de moitié de leur moyenne
WITH dernieres AS (
  SELECT indicateur, max(periode_debut) AS debut
  FROM valeurs
  WHERE modalite = 'ensemble' AND valeur IS NOT NULL
  GROUP BY indicateur
),
comparables AS (
  -- what precedes the last break does not compare
  SELECT indicateur, max(periode) AS depuis FROM ruptures GROUP BY indicateur
)
SELECT v.zonage, v.code_zone, v.indicateur, max(v.valeur) FILTER (v.periode_debut = d.debut) AS valeur,
  round(avg(v.valeur) FILTER (v.periode_debut < d.debut), 3) AS moyenne,
  round(stddev_pop(v.valeur) FILTER (v.periode_debut < d.debut), 3) AS ecart_type,
  count(v.valeur) FILTER (v.periode_debut < d.debut) AS periodes
FROM valeurs v
JOIN dernieres d ON d.indicateur = v.indicateur
LEFT JOIN comparables c ON c.indicateur = v.indicateur
WHERE v.modalite = 'ensemble' AND v.periode >= coalesce(c.depuis, '')
GROUP BY v.zonage, v.code_zone, v.indicateur
-- a zone with few periods has no habit to depart from; small counts vary by themselves
HAVING periodes >= 6 AND abs(valeur - moyenne) > 6 * ecart_type AND abs(valeur - moyenne) > 0.5 * abs(moyenne)
  AND greatest(abs(valeur), abs(moyenne)) >= 10
