-- une ligne par indicateur : sur quelle base deux zones s'y comparent
-- A total says how large a zone is: it is compared per inhabitant. A ready-made figure is compared as it is when its unit
-- says that it is a ratio, and is never averaged over several zones: an average of medians is no median.
SELECT indicateur,
  CASE WHEN nature IN ('moyenne', 'part', 'taux') THEN 'valeur'
    WHEN nature IN ('compte', 'somme') THEN 'pour_1000_habitants'
    WHEN nature = 'releve' AND regexp_matches(unite,
      '(^| )(%|‰|pour|par|indice|rapport)( |$)|/ ?(m²|km²|ha|hab|habitant|UC|ménage|logement|personne)( |$)')
      THEN 'valeur' END AS base,
  nature <> 'releve' AS ponderable,
  CAST(decimales AS INTEGER) + CASE WHEN nature IN ('compte', 'somme') THEN 2 ELSE 0 END AS decimales
FROM indicateurs
ORDER BY indicateur
