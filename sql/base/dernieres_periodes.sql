-- une ligne par indicateur dont un quartier a une valeur : la dernière période où c'est le cas, total seulement
SELECT v.indicateur, arg_max(v.periode, v.periode_debut) AS periode
FROM valeurs v
WHERE v.zonage IN (SELECT zonage FROM zones WHERE famille = 'qpv') AND v.modalite = 'ensemble' AND v.valeur IS NOT NULL
GROUP BY v.indicateur
ORDER BY v.indicateur
