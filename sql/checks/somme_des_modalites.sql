-- une ligne par total qui n'est pas la somme de ses modalités
-- gravite: arret
-- titre: Un total est la somme de ses modalités, quand toutes sont diffusées
WITH ventiles AS (
  SELECT i.indicateur, i.nature, i.decimales
  FROM indicateurs i
  WHERE i.additif AND i.nature IN ('compte', 'somme')
    AND i.indicateur IN (SELECT indicateur FROM modalites WHERE modalite <> 'ensemble')
)
SELECT v.zonage, v.code_zone, v.indicateur, v.periode,
  max(v.valeur) FILTER (v.modalite = 'ensemble') AS total, sum(v.valeur) FILTER (v.modalite <> 'ensemble') AS somme
FROM valeurs v
JOIN ventiles i ON i.indicateur = v.indicateur
GROUP BY v.zonage, v.code_zone, v.indicateur, v.periode
-- a count is whole; a sum is rounded on its own, by half a unit of the last decimal
HAVING count(*) = count(v.valeur) AND abs(total - somme) > CASE any_value(i.nature) WHEN 'compte' THEN 0.001
    ELSE 0.5001 * count(*) * 10 ** -any_value(i.decimales) END
