-- une ligne par valeur hors bornes
-- gravite: arret
-- titre: Une part est entre 0 et son facteur (100 pour un pourcentage)
SELECT v.indicateur, v.modalite, v.zonage, v.code_zone, v.periode, v.valeur
FROM valeurs v
JOIN indicateurs i ON i.indicateur = v.indicateur
WHERE i.nature = 'part' AND (v.valeur < 0 OR v.valeur > coalesce(i.facteur, 1))
