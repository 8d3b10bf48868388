-- une ligne par indicateur et nature de changement depuis la publication précédente, dans les quartiers
SELECT x.publication_precedente, x.indicateur, x.nature, count(*) AS lignes, min(x.periode) AS premiere,
  max(x.periode) AS derniere
FROM changements x
WHERE x.zonage IN (SELECT zonage FROM zones WHERE famille = 'qpv')
GROUP BY ALL
ORDER BY x.indicateur, x.nature
