-- une ligne par valeur hors de ses bornes
-- gravite: arret
-- titre: Une valeur est entre ses bornes d'incertitude, et n'est pas cachée
SELECT u.indicateur, u.modalite, u.zonage, u.code_zone, u.periode, v.valeur, u.borne_basse, u.borne_haute
FROM incertitudes u
LEFT JOIN valeurs v ON v.indicateur = u.indicateur AND v.modalite = u.modalite AND v.zonage = u.zonage
  AND v.code_zone = u.code_zone AND v.periode = u.periode
WHERE v.valeur IS NULL OR u.borne_basse > v.valeur OR u.borne_haute < v.valeur
