-- une ligne par total du territoire qui n'est pas la somme des communes
-- gravite: arret
-- titre: Le territoire est la somme des communes et de ce qui n'a pas de commune, quand tout est diffusé
SELECT v.indicateur, v.modalite, v.periode,
  max(v.valeur) FILTER (v.zonage = 'territoire') AS total, sum(v.valeur) FILTER (v.zonage <> 'territoire') AS somme
FROM valeurs v
JOIN indicateurs i ON i.indicateur = v.indicateur AND i.additif AND i.nature IN ('compte', 'somme')
WHERE (v.zonage IN ('territoire', 'commune')
    OR (v.zonage = 'non_localise' AND v.code_zone IN (SELECT code_zone FROM zones WHERE zonage = 'territoire')))
  -- of several partnerships together, no total is that of all the communes
  AND (SELECT count(*) FROM zones WHERE zonage = 'territoire') = 1
GROUP BY v.indicateur, v.modalite, v.periode
-- a count is whole; a sum is rounded on its own, by half a unit of the last decimal. A table by zone says nothing of
-- what has no zone (`sans_objet`): its total may hold rows of unknown place, which no commune holds
HAVING bool_and(v.valeur IS NOT NULL)
  AND abs(total - somme) > CASE any_value(i.nature) WHEN 'compte' THEN 0.001
    ELSE 0.5001 * count(*) * 10 ** -any_value(i.decimales) END
