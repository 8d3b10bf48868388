-- une ligne par quartier qui compte plus que sa commune
-- gravite: alerte
-- titre: Un quartier d'une seule commune n'y compte jamais plus qu'elle
WITH seuls AS (
  SELECT a.zonage, a.code_zone, any_value(a.code_commune) AS code_commune
  FROM zones_communes a
  JOIN zones z ON z.zonage = a.zonage AND z.code_zone = a.code_zone AND z.famille = 'qpv'
  GROUP BY a.zonage, a.code_zone
  HAVING count(*) = 1
)
SELECT v.indicateur, v.zonage, v.code_zone, v.periode, v.valeur, s.code_commune, c.valeur AS valeur_commune
FROM valeurs v
JOIN indicateurs i ON i.indicateur = v.indicateur AND i.additif AND i.nature = 'compte'
JOIN seuls s ON s.zonage = v.zonage AND s.code_zone = v.code_zone
JOIN valeurs c ON c.zonage = 'commune' AND c.code_zone = s.code_commune AND c.indicateur = v.indicateur
  AND c.modalite = v.modalite AND c.periode = v.periode
WHERE v.modalite = 'ensemble' AND v.valeur > c.valeur
