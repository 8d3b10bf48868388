-- une ligne par quartier, indicateur, nature et cause de changement depuis la publication précédente
SELECT x.publication_precedente, x.zonage, x.code_zone, x.indicateur, x.nature, x.cause, count(*) AS lignes,
  min(x.periode) AS premiere, max(x.periode) AS derniere
FROM changements x
WHERE x.zonage IN (SELECT zonage FROM zones WHERE famille = 'qpv')
GROUP BY ALL
ORDER BY ALL
